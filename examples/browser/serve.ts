import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, sep } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
};

/** A server of static files on this machine. */
export interface StaticServer {
  readonly url: string;
  close(): void;
}

/** How files are served. */
export interface ServeOptions {
  /** Where in the address they begin; "/" unless given. */
  readonly base?: string;
  /** Whether pages are isolated, so that they may share memory among threads; true unless given. */
  readonly isolated?: boolean;
}

/** Serves a folder to this machine only; port 0 takes any that is free. */
export function serveFolder(
  folder: string,
  port: number,
  { base = "/", isolated = true }: ServeOptions = {},
): Promise<StaticServer> {
  const isolation = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  };
  const server: Server = createServer((request, response) => {
    const file = fileOf(folder, base, request.url ?? "/");
    if (file === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("not found");
      return;
    }
    response.writeHead(200, {
      "content-type": types[extname(file)] ?? "application/octet-stream",
      // What was built anew is to be seen.
      "cache-control": "no-cache",
      ...(isolated && isolation),
    });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const { port: taken } = server.address() as AddressInfo;
      resolve({
        url: `http://localhost:${taken}${base}`,
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

/** The file that an address means; undefined if there is none, or it lies elsewhere. */
function fileOf(folder: string, base: string, address: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(address, "http://localhost").pathname);
    if (!path.startsWith(base)) return undefined;
    const file = join(folder, path.slice(base.length) || "index.html");
    return file.startsWith(folder + sep) && statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}
