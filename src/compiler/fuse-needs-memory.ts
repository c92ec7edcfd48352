/** Thrown inside of the compiler where a loop needs a value in memory that it was to compute itself. */
export class NeedsMemory {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }
}
