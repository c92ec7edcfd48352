interface Platform {
  readonly Deno?: {
    readonly permissions: {
      querySync(query: { name: "env"; variable: string }): { readonly state: string };
    };
  };
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
}

/** An environment variable, where there are such and we may read them: Deno is never made to ask. */
export function environmentVariable(variable: string): string | undefined {
  const { Deno, process } = globalThis as Platform;
  const allowed = Deno === undefined ||
    Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  return allowed ? process?.env?.[variable] : undefined;
}
