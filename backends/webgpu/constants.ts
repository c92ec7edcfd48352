/** Flags of WebGPU's, which Node and Bun have only once the package is loaded, and TypeScript's types lack. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

/** Buffers that hold elements. */
export const elementUsage: number = bufferUsage.storage | bufferUsage.copySource |
  bufferUsage.copyTarget;

/** Buffers that the host reads. */
export const stagingUsage: number = bufferUsage.mapRead | bufferUsage.copyTarget;

export const mapModeRead = 0x1;
export const computeStage = 0x4;
