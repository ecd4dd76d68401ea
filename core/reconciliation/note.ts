/** What runs tell each other about a publisher. Nothing depends on it: without it a run reads more than it would have to. */
export interface ReconciliationNote {
  /** Up to which `process_date` lines are compared without a gap. Milliseconds since 1970. */
  readonly coveredUntil?: number;
  /** When a run last succeeded. Milliseconds since 1970. */
  readonly succeededAt?: number;
}

/** What a run that succeeded writes. */
export type WrittenNote = ReconciliationNote & { readonly succeededAt: number };

/** Keeps the note, and sees to it that one run at a time works on a publisher: two would share the calls that Rakuten allows. */
export interface NoteStore {
  read(sid: string): Promise<ReconciliationNote>;
  write(sid: string, note: WrittenNote): Promise<void>;
  /** Takes or prolongs the right to run. False while another run has it. */
  takeLease(sid: string, holder: string, now: number, until: number): Promise<boolean>;
  /** Gives it back, if it is still held. */
  releaseLease(sid: string, holder: string): Promise<void>;
}
