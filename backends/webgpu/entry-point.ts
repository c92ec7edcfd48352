/** Extensions of WGSL that the text of a shader may need. */
export type Extension = "f16" | "subgroups";

/** What a shader begins with, if it needs extensions. */
export function enableText(extensions: readonly Extension[]): string {
  return extensions.map((name) => `enable ${name};\n`).join("");
}

/**
 * The head of an entry point that knows `group`, the builtin `workgroup_id`, and `local`, its own number in its
 * workgroup. With subgroups numbers that follow each other are those of one subgroup; WGSL does not promise it of
 * `local_invocation_index`.
 */
export function entryText(invocations: number, subgroups: number | false): string {
  const head = `@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) group: vec3<u32>, `;
  return subgroups === false
    // Of a row of invocations it is the index, which some devices take longer to compute.
    ? `${head}@builtin(local_invocation_id) inGroup: vec3<u32>) {\n  let local = inGroup.x;\n`
    : `${head}@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) within: u32) {
  let local = subgroup * ${subgroups}u + within;
`;
}
