import { Tensor, type Traced } from "../tensor/tensor.ts";
import type { Trace } from "./trace.ts";

interface AnnotatedContent<Note> extends Traced {
  readonly underlying: Tensor;
  readonly note: Note;
}

/** How a trace that computes as it goes sees its tensors: each has a value underneath and a note of the trace's. */
export interface Annotator<Note> {
  /** A traced tensor that stands for a value. */
  annotate(value: Tensor, note: Note): Tensor;
  /** The note of a tensor; undefined if it is not one of this trace's. */
  noteOf(tensor: Tensor): Note | undefined;
  /** The value underneath; the tensor itself if it is not one of this trace's. */
  untrace(tensor: Tensor): Tensor;
}

/** The annotator of a trace. */
export function annotator<Note>(trace: Trace): Annotator<Note> {
  const own = ({ content }: Tensor): AnnotatedContent<Note> | undefined =>
    content.kind === "traced" && content.trace === trace
      ? content as AnnotatedContent<Note>
      : undefined;
  return {
    annotate(value, note) {
      const content: AnnotatedContent<Note> = {
        kind: "traced",
        trace,
        underlying: value,
        hasValue: true,
        note,
      };
      return new Tensor(value, content);
    },
    noteOf: (tensor) => own(tensor)?.note,
    untrace: (tensor) => own(tensor)?.underlying ?? tensor,
  };
}
