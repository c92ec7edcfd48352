import type { FreshCase } from "../case.ts";

/** In a new process each time: `fresh/*.ts`, and the peers' own. */
export const freshCases: FreshCase[] = [
  {
    name: "cold-start",
    title: "cold start",
    parts: [
      { key: "import", label: "import" },
      { key: "first", label: "first small jit" },
    ],
  },
  {
    name: "compile",
    title: "compile the transformer step",
    parts: [{ key: "compile", label: "first step less a later" }],
  },
];
