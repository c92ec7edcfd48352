// What TypeScript knows about transformed functions in a user's program.
import {
  grad,
  jit,
  jvp,
  mul,
  splitKeys,
  sum,
  type Tensor,
  type Tree,
  treeMap,
  valueAndGrad,
  vjp,
  vmap,
} from "../../mod.ts";
import type { Equal, Expect, ExpectNot, IsAny } from "./expect.ts";

type Params = { readonly w: Tensor; readonly layers: readonly [{ b: Tensor }, Tensor] };
type Aux = { readonly hits: number };

declare const params: Params;
declare const x: Tensor;
declare const loss: (params: Params, x: Tensor, scale: number) => Tensor;
declare const tree: Tree;
declare const lossWithAux: (params: Params, x: Tensor) => readonly [Tensor, Aux];

/** Nothing in here runs. */
export function inferred(): void {
  // The gradient has the type of what it belongs to.
  const gradient = grad(loss)(params, x, 2);
  type _Gradient = Expect<Equal<typeof gradient, Params>>;
  type _NotAny = ExpectNot<IsAny<typeof gradient.w>>;

  const [value, both] = valueAndGrad(loss, { argnums: [0, 1] })(params, x, 2);
  type _Value = Expect<Equal<typeof value, Tensor>>;
  type _Both = Expect<Equal<typeof both, [Params, Tensor]>>;

  const second = grad(loss, { argnums: 1 })(params, x, 2);
  type _Second = Expect<Equal<typeof second, Tensor>>;

  const [[auxValue, aux], auxGradient] = valueAndGrad(lossWithAux, { hasAux: true })(params, x);
  type _AuxIsKept = Expect<Equal<[typeof auxValue, typeof aux], [Tensor, Aux]>>;
  type _AuxGradient = Expect<Equal<typeof auxGradient, Params>>;

  const [onlyGradient, onlyAux] = grad(lossWithAux, { hasAux: true })(params, x);
  type _GradAux = Expect<Equal<[typeof onlyGradient, typeof onlyAux], [Params, Aux]>>;

  // jit and vmap keep the type of the function.
  const step = jit((p: Params, n: number) => [p, n] as const, { donate: [0] });
  type _Step = Expect<Equal<typeof step, (p: Params, n: number) => readonly [Params, number]>>;
  const rows = vmap((a: Tensor, b: Tensor) => ({ sum: sum(mul(a, b)) }), { inAxes: [0, null] });
  type _Rows = Expect<Equal<ReturnType<typeof rows>, { sum: Tensor }>>;

  const [, pullback] = vjp((a: Tensor, p: Params) => mul(a, p.w), x, params);
  type _Pullback = Expect<Equal<ReturnType<typeof pullback>, [a: Tensor, p: Params]>>;
  const [, tangent] = jvp((p: Params) => p.w, [params], [params]);
  type _Tangent = Expect<Equal<typeof tangent, Tensor>>;

  // Leaves change, the shape of the tree stays.
  const ranks = treeMap((leaf) => leaf.rank, params);
  type _Ranks = Expect<Equal<typeof ranks.layers[0]["b"], number>>;
  const flags = treeMap((leaf) => leaf.rank > 1, tree);
  type _Flags = Expect<Equal<typeof flags, Tree<boolean>>>;

  const [first, last] = splitKeys(x, 2);
  type _Keys = Expect<Equal<[typeof first, typeof last], [Tensor, Tensor]>>;

  // @ts-expect-error -- the argument is missing
  grad(loss)(params, x);
  // @ts-expect-error -- a loss is a tensor
  grad((p: Params) => p.layers.length)(params);
  // @ts-expect-error -- hasAux wants a pair
  valueAndGrad(loss, { hasAux: true });
  // @ts-expect-error -- no such option
  jit(loss, { donated: [0] });
}
