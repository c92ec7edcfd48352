/** node:process in a page: its environment is what the driver has put there. */
const { environment = {} } = globalThis as { environment?: Record<string, string> };

const process: { readonly env: Readonly<Record<string, string>> } = { env: environment };

export default process;
