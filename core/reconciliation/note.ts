import type { LeaseStore } from '../state/lease';

/** What runs tell each other about a publisher. Nothing depends on it: without it a run reads more than it would have to. */
export interface ReconciliationNote {
  /** Up to which `process_date` lines are compared without a gap. Milliseconds since 1970. */
  readonly coveredUntil?: number;
  /** When a run last succeeded. Milliseconds since 1970. */
  readonly succeededAt?: number;
}

/** What a run that succeeded writes. */
export type WrittenNote = ReconciliationNote & { readonly succeededAt: number };

/**
 * Keeps the notes, with one lease for each SID.
 *
 * One run at a time works on a publisher: two would share the calls that Rakuten allows.
 */
export interface NoteStore extends LeaseStore {
  read(sid: string): Promise<ReconciliationNote>;
  /** Writes as the holder of the lease. False, with nothing written, when the holder has lost it. */
  write(sid: string, note: WrittenNote, holder: string): Promise<boolean>;
}
