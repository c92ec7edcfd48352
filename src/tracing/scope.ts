import { backendOf } from "../backend/registry.ts";
import type { DeviceBuffer } from "../core/device-buffer.ts";
import { SoftstepError } from "../core/errors.ts";
import { checkFunction } from "../core/options.ts";
import { type Owner, setOwner, type Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { flatten } from "../tree/tree.ts";
import { isTransforming } from "./trace.ts";

interface Scope {
  readonly owned: Owner;
  readonly outer: Scope | undefined;
  isOpen: boolean;
}

let innermost: Scope | undefined;

/**
 * Calls a function and gives back, as soon as it has returned, the memory of every tensor that was made inside and is
 * not in the tree that it returns. Nobody needs it to be correct: what is not used any more is collected as garbage.
 * But the collector knows nothing of a GPU's memory and takes his time; a scope around the work of one step keeps
 * that small.
 *
 * Tensors made outside stay as they are, and so does what they hold. Scopes nest: what an inner one returns belongs to
 * the outer one. An error frees everything made inside. An async function's scope ends when its promise settles; until
 * then all tensors that the program makes belong to it, so that async scopes may be nested but not run side by side.
 * Inside `jit`, `grad`, `vmap` and the like a scope does nothing: their intermediate values are still needed.
 *
 * @param f What is called. Tensors that it stores elsewhere, and those that a returned function closes over, are freed.
 * @returns What f returns.
 * @throws {SoftstepError} if an async scope ends while one that began later is still open.
 * @throws {OptionError} if f is no function.
 *
 * @example
 * ```ts
 * import { FreedError, mul, scope, sum, type Tensor, tensor } from "softstep";
 *
 * const x = tensor([1, 2, 3]);
 * let squares: Tensor | undefined;
 * const norm = scope(() => sum(squares = mul(x, x)));
 * console.log(norm.item()); // => 14
 * try {
 *   squares?.toArray();
 * } catch (error) {
 *   console.log(error instanceof FreedError); // => true
 * }
 * ```
 */
export function scope<Result>(f: () => Result): Result {
  checkFunction("scope", "f", f);
  if (isTransforming()) return f();
  const opened: Scope = { owned: new Set(), outer: innermost, isOpen: true };
  innermost = opened;
  setOwner(opened.owned);
  let result: Result;
  try {
    result = f();
  } catch (error) {
    close(opened, undefined);
    throw error;
  }
  if (!isPromise(result)) {
    close(opened, result);
    return result;
  }
  return result.then((value) => {
    if (!close(opened, value)) throw overlapError();
    return value;
  }, (error) => {
    close(opened, undefined);
    throw error;
  }) as Result;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Ends a scope; false, and nothing is kept, if one that began later is still open. */
function close(scope: Scope, result: unknown): boolean {
  const isInnermost = innermost === scope;
  scope.isOpen = false;
  while (innermost !== undefined && !innermost.isOpen) innermost = innermost.outer;
  setOwner(innermost?.owned);
  const kept = new Set<Storage>();
  try {
    if (isInnermost) { for (const storage of storagesIn(result)) kept.add(storage); }
  } finally {
    release(scope.owned, kept);
    for (const storage of kept) if (scope.owned.has(storage)) innermost?.owned.add(storage);
  }
  return isInnermost;
}

function storagesIn(tree: unknown): Storage[] {
  return flatten("scope", tree).leaves.flatMap((leaf) =>
    leaf instanceof Tensor && leaf.content.kind === "storage" ? [leaf.content] : []
  );
}

/** Gives back all memory but that of the kept. */
function release(owned: Owner, kept: ReadonlySet<Storage>): void {
  // What a donated number was uploaded to may be a result now, and two storages may have been one buffer.
  const done = new Set<DeviceBuffer>();
  for (const { buffer } of kept) if (buffer !== undefined) done.add(buffer);
  for (const storage of owned) {
    const { buffer } = storage;
    // Without a buffer it was donated: its memory is another's.
    if (kept.has(storage) || buffer === undefined) continue;
    storage.buffer = undefined;
    // A number can be uploaded again.
    storage.freed = storage.literal === undefined;
    if (done.has(buffer)) continue;
    done.add(buffer);
    backendOf("scope", storage.device).free?.(buffer);
  }
}

function overlapError(): SoftstepError {
  return new SoftstepError(
    "scope",
    "an async scope ended while one that began later is still open, so that nobody can tell whose tensors are " +
      "whose; await one before the other begins, or nest them",
  );
}
