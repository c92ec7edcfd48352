export { type Blas, type BlasOptions, loadBlas } from "./blas.ts";
export { type BlasDot, blasDot } from "./dot.ts";
