import type { ArchiveRecord } from '../../core/archive/record';

/** Where raw messages are kept. */
export interface Archive {
  /** Keeps records; says for each that could not be kept why, by its place. Rejects when none could. */
  put(records: readonly ArchiveRecord[]): Promise<ReadonlyMap<number, string>>;
}
