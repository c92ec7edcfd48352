import { scope, type Tensor } from "../../mod.ts";
import type { Prepared } from "../case.ts";
import { meanSize } from "../measure.ts";

/** A function of fixed arguments. Its results are freed inside the call, as those of the peers are. */
export async function pure<Result = Tensor>(
  f: () => Result,
  checked: (result: Result) => Tensor = (result) => result as Tensor,
): Promise<Prepared> {
  const step = () => scope(() => void f());
  return { step, check: meanSize(await checked(f()).data()) };
}
