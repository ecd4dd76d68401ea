import { UserError } from '../errors';
import type { RegistrationPorts, RegistrationStore } from '../registration/ports';
import type { PublisherState } from '../state/publisher-state';
import type { Announcement, Gap, WatchRecord } from './record';

/** What outlives a run of the watch. Reads are consistent. */
export interface WatchStore extends RegistrationStore {
  /** Every publisher that the installation knows, registered or not. */
  readStates(): Promise<PublisherState[]>;
  readRecord(sid: string): Promise<WatchRecord | undefined>;
  /**
   * Writes the record in the place of the one with the same revision. Throws a
   * `RecordConflictError` where another run has written meanwhile.
   */
  writeRecord(record: WatchRecord, now: number): Promise<WatchRecord>;
}

/** Another run of the watch has written the record since it was read. */
export class RecordConflictError extends UserError {
  public constructor(sid: string) {
    super({
      name: 'RecordConflictError',
      problem: `Another run of the status watch has checked SID ${sid} at the same time; its result stands.`,
    });
  }
}

/** A task of the watch that failed. Nothing secret. */
export interface TaskFailure {
  /** The failed task, as the log has it: `event not sent`. */
  readonly message: string;
  /** Absent where the task is for all publishers. */
  readonly sid?: string;
  /** Name and message of the error. */
  readonly reason: string;
}

export interface WatchPorts extends Omit<RegistrationPorts, 'store'> {
  readonly store: WatchStore;
  /** Reports a task that failed while the check goes on: an error in the log, and a metric. */
  readonly taskFailed: (failure: TaskFailure) => void;
  /** Says it on the event bus, at least once. */
  readonly announce: (announcements: readonly Announcement[]) => Promise<void>;
  /**
   * Asks the reconciliation for a span, without waiting for its end. Absent where there is none.
   */
  readonly reconcile?: (sid: string, gap: Gap) => Promise<void>;
}
