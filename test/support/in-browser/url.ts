/** node:url in a page: the page's script is where the tests' folder would be. */
export const fileURLToPath = (url: string | URL): string => new URL(url).pathname;
