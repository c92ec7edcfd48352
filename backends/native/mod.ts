export { type Blas, type BlasOptions, loadBlas } from "./blas.ts";
export { type BlasConv, blasConv } from "./conv.ts";
export { type BlasDot, blasDot } from "./dot.ts";
export { blasProduct } from "./product.ts";
