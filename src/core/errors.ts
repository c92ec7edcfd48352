/**
 * The errors of softstep. Every message reads `function: what was wrong (the offending value, with its
 * path in the tree), and what was expected`, so that a person can mend the call without a debugger.
 */

/** The common ancestor of every error that softstep throws on purpose. */
export class SoftstepError extends Error {
  /** The name of this class. */
  override name = "SoftstepError";
  /** The public function that refused, as the user wrote it. */
  readonly functionName: string;

  /** Builds the message `functionName: message`. */
  constructor(functionName: string, message: string) {
    super(`${functionName}: ${message}`);
    this.functionName = functionName;
  }
}

/** A shape, an axis or an index does not fit. */
export class ShapeError extends SoftstepError {
  /** The name of this class. */
  override name = "ShapeError";
}

/** A dtype does not fit, or a value cannot be represented in it. */
export class DTypeError extends SoftstepError {
  /** The name of this class. */
  override name = "DTypeError";
}

/** A tree has another structure than expected, or holds a leaf of the wrong kind. */
export class TreeError extends SoftstepError {
  /** The name of this class. */
  override name = "TreeError";
}

/** A device is unknown, missing, or cannot do what was asked. */
export class DeviceError extends SoftstepError {
  /** The name of this class. */
  override name = "DeviceError";
}

/** An option is out of its range or of the wrong type. */
export class OptionError extends SoftstepError {
  /** The name of this class. */
  override name = "OptionError";
}

/** The value of a traced tensor was asked for, or a traced tensor outlived its transformation. */
export class TracedValueError extends SoftstepError {
  /** The name of this class. */
  override name = "TracedValueError";
}

/** A tensor was read after it had been donated to a jitted function. */
export class DonatedError extends SoftstepError {
  /** The name of this class. */
  override name = "DonatedError";
}

/** A tensor was read after the `scope` that it was made in had given its memory back. */
export class FreedError extends SoftstepError {
  /** The name of this class. */
  override name = "FreedError";
}

/** The function of a custom kernel is not in the dialect, or failed while it ran. */
export class KernelError extends SoftstepError {
  /** The name of this class. */
  override name = "KernelError";
  /** The line in the text of the function, from 1; undefined where it is not known. */
  readonly line: number | undefined;

  /** Builds the message `functionName: message`. */
  constructor(functionName: string, message: string, line?: number) {
    super(functionName, message);
    this.line = line;
  }
}

/** A derivative does not exist, or the function cannot be differentiated as asked. */
export class DifferentiationError extends SoftstepError {
  /** The name of this class. */
  override name = "DifferentiationError";
}
