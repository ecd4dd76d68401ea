import type { ArchiveRecord } from './record';

/** Where raw deliveries are kept. */
export interface Archive {
  /** Keeps records. The result names those that could not be kept, by index, with the reason. */
  put(records: readonly ArchiveRecord[]): Promise<ReadonlyMap<number, string>>;
}
