/** The command line is wrong. */
export class InputError extends Error {}
