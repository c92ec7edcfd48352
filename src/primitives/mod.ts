/** The primitives: their records, handed to the tracer here, and the functions that apply them. */
import { installPrimitives } from "../tracing/primitive.ts";
import { contractionPrimitives } from "./contraction.ts";
import { convolutionPrimitives } from "./convolution.ts";
import { creationPrimitives } from "./creation.ts";
import { customKernelPrimitives } from "./custom-kernel.ts";
import { elementwisePrimitives } from "./elementwise.ts";
import { indexingPrimitives } from "./indexing.ts";
import { movementPrimitives } from "./movement.ts";
import { reductionPrimitives } from "./reduction.ts";

installPrimitives({
  ...elementwisePrimitives,
  ...movementPrimitives,
  ...indexingPrimitives,
  ...reductionPrimitives,
  ...contractionPrimitives,
  ...convolutionPrimitives,
  ...customKernelPrimitives,
  ...creationPrimitives,
});

export * from "./calls.ts";
