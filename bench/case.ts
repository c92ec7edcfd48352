/** The extents of one measurement, by name. */
export type Numbers = Readonly<Record<string, number>>;

/** Which runs a size is part of: 0 also `--quick`, 1 every ordinary run, 2 only `--large`, 3 only that on a GPU. */
export type Level = 0 | 1 | 2 | 3;

export interface Size {
  readonly label: string;
  readonly level: Level;
  readonly numbers: Numbers;
}

/** Something made ready to be timed. */
export interface Prepared {
  /** One call of what is timed; a promise where the library is asynchronous. */
  readonly step: () => unknown;
  /** A number that all libraries should agree on, from before the first step. */
  readonly check: number;
  /** What is timed instead of what was asked for, if anything is. */
  readonly note?: string;
  /** Frees memory that is not collected. */
  readonly release?: () => void;
}

/** A way to say how good a time is. */
export interface Measure {
  readonly label: string;
  readonly of: (numbers: Numbers, nanoseconds: number) => number;
}

/** One thing to be timed, at several sizes. */
export interface Case {
  /** The name by which peers know it. */
  readonly name: string;
  readonly title: string;
  readonly sizes: readonly Size[];
  readonly measure?: Measure;
  /** Times what calls take to return, on devices that work on their own; nothing on others. */
  readonly timesCalls?: boolean;
  readonly prepare: (numbers: Numbers, device: string) => Prepared | Promise<Prepared>;
}

export const NANOSECONDS_PER_ELEMENT: Measure = {
  label: "ns/element",
  of: ({ elements }, nanoseconds) => nanoseconds / elements!,
};

/** Something to be timed in a process of its own, by a script: `fresh/NAME.ts`, or a peer called with `fresh NAME`. */
export interface FreshCase {
  readonly name: string;
  readonly title: string;
  /** What the script reports, in milliseconds. */
  readonly parts: readonly { readonly key: string; readonly label: string }[];
}
