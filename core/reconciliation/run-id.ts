import { randomUUID } from 'node:crypto';

/** Why a reconciliation runs: a schedule, the first run of an installation, the command line, or a word of the caller. */
export type RunReason = 'hourly' | 'daily' | 'backfill' | 'manual' | (string & {});

/** Names a run, in its log lines and in the archive. A row without postbacks has it as `request_id`. */
export const newRunId = (reason: RunReason): string => `${reason}-${randomUUID()}`;
