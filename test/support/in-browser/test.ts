/** node:test in a page: collects tests, and runs one when it is told to. */

type Body = () => unknown;

interface Options {
  readonly skip?: string | false;
}

interface Collected {
  readonly name: string;
  readonly skip: string | false;
  readonly body: Body;
}

const collected: Collected[] = [];

/** Collects a test. */
export function test(name: string, options: Options | Body, body?: Body): void {
  const given = typeof options === "function" ? { body: options } : { ...options, body: body! };
  collected.push({ skip: false, ...given, name });
}

export default test;

/** What a page tells of its tests. */
export interface PageTest {
  readonly name: string;
  readonly skip: string | false;
}

/** What the page lets its driver do. */
export interface PageTests {
  list(): PageTest[];
  /** Runs a test; what it failed with, or undefined. */
  run(index: number): Promise<string | undefined>;
}

const pageTests: PageTests = {
  list: () => collected.map(({ name, skip }) => ({ name, skip })),
  async run(index) {
    try {
      await collected[index]!.body();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.stack ?? String(error) : String(error);
    }
  },
};

Object.assign(globalThis, { pageTests });
