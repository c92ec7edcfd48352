/** Memory of one backend that holds the elements of a tensor in row-major order. Opaque to all but it. */
export interface DeviceBuffer {
  readonly byteLength: number;
}
