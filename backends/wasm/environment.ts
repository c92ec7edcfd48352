interface Platform {
  readonly Deno?: {
    readonly permissions: {
      querySync(query: { name: "env"; variable: string }): { readonly state: string };
    };
  };
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
}

/** An environment variable, where there are such and we may read them. */
export function environmentVariable(variable: string): string | undefined {
  const { Deno, process } = globalThis as Platform;
  // Deno would stop and ask the user for permission.
  const allowed = Deno === undefined ||
    Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  return allowed ? process?.env?.[variable] : undefined;
}
