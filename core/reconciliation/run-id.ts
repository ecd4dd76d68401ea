import { randomUUID } from 'node:crypto';

/** Why a reconciliation runs: the schedules' two kinds, the first one of an installation, by hand, or a word of whoever asked for it. */
export type RunReason = 'hourly' | 'daily' | 'backfill' | 'manual' | (string & {});

const BACKFILL_PREFIX = 'backfill-';

/** Names a run. It goes with every line that the run sends and stands in the row as `request_id`. */
export const newRunId = (reason: RunReason): string => `${reason}-${randomUUID()}`;

/** Whether a line was sent by an installation's first run: no postback could have brought it. */
export const isBackfill = (runId: string): boolean => runId.startsWith(BACKFILL_PREFIX);
