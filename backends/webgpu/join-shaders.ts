import type { Binding, Shader, ShaderLimits } from "./shader.ts";

/** A dispatch, and the kernels of the program that it does work of. */
export interface Dispatch {
  readonly kernels: readonly number[];
  readonly shader: Shader;
}

/** More would make the compilation of a shader long, and save little. */
const mostPieces = 16;
/** Passes of more workgroups gain little, and lose much on devices that execute all branches of a switch. */
const fewWorkgroups = 4;

/**
 * Makes one dispatch of passes in a row that are the same but for their buffers and do not depend on each other, as far
 * as a shader may see their buffers: an optimizer has such a pass for every leaf, and a dispatch costs more than the
 * update of a small one.
 */
export function joinEqual(dispatches: readonly Dispatch[], limits: ShaderLimits): Dispatch[] {
  const joined: Dispatch[] = [];
  let row: Dispatch[] = [];
  const finish = () => {
    if (row.length === 1) joined.push(row[0]!);
    if (row.length > 1) {
      joined.push({
        kernels: row.flatMap(({ kernels }) => kernels),
        shader: join(row.map(shaderOf)),
      });
    }
    row = [];
  };
  for (const dispatch of dispatches) {
    if (row.length > 0 && !mayJoin(row.map(shaderOf), dispatch.shader, limits)) finish();
    row.push(dispatch);
  }
  finish();
  return joined;
}

const shaderOf = ({ shader }: Dispatch): Shader => shader;

function mayJoin(row: readonly Shader[], next: Shader, limits: ShaderLimits): boolean {
  const { code, parts, workgroups: [count, rows] } = row[0]!;
  const all = [...row, next];
  return parts !== undefined && next.code === code && rows === 1 && count <= fewWorkgroups &&
    all.length <= mostPieces && all.length * count <= limits.workgroupsPerDimension &&
    row.every((each) => isIndependent(each, next) && isIndependent(next, each)) &&
    bind(all).bindings.length <= limits.buffers;
}

/** Whether nothing that the first writes is a matter of the second. */
function isIndependent({ bindings: first }: Shader, { bindings: second }: Shader): boolean {
  const touched = new Set(second.map(({ buffer }) => buffer));
  return !first.some(({ buffer, writes }) => writes && touched.has(buffer));
}

interface Bound {
  readonly bindings: readonly Binding[];
  readonly declarations: string;
  /** For each shader, what its buffers are called. */
  readonly names: readonly (readonly string[])[];
}

/** Numbers that all leaves read, such as a learning rate, are bound once. */
function bind(shaders: readonly Shader[]): Bound {
  const bindings: Binding[] = [];
  const known = new Map<string, string>();
  let declarations = "";
  const names = shaders.map((shader) =>
    shader.bindings.map((binding, i) => {
      const declare = shader.parts!.declare[i]!;
      const key = `${binding.buffer} ${binding.byteOffset} ${declare(0, "")}`;
      const name = known.get(key) ?? `buffer${bindings.length}`;
      if (!known.has(key)) {
        known.set(key, name);
        declarations += declare(bindings.length, name);
        bindings.push(binding);
      }
      return name;
    })
  );
  return { bindings, declarations, names };
}

function join(shaders: readonly Shader[]): Shader {
  const { label, parts, workgroups: [count] } = shaders[0]!;
  const { functions, body, invocations } = parts!;
  const { bindings, declarations, names } = bind(shaders);
  const pieces = names.map((own, i) => {
    const text = body.replace(/\bbuffer(\d+)\b/g, (_, number: string) => own[Number(number)]!);
    return `fn piece${i}(workgroup: u32, group: vec3<u32>, local: u32) {\n${text}}\n`;
  });
  const cases = names.map((_, i) =>
    `    case ${i}u: {\n      piece${i}(group.x % ${count}u, group, local);\n    }\n`
  );
  const code = `${declarations}${functions}
${pieces.join("\n")}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) inGroup: vec3<u32>) {
  let local = inGroup.x;
  switch group.x / ${count}u {
${cases.join("")}    default: {
    }
  }
}
`;
  return { code, bindings, workgroups: [count * shaders.length, 1, 1], label };
}
