import type { SQSRecord } from 'aws-lambda';
import type { ArchivedDelivery } from '../../core/archive/archive-record';
import { METRICS } from '../../core/names';
import type { PushOutcome, PushResult } from '../../core/transactions/row-store';
import type { RejectionReason } from './decide';

/** What became of a message, for the metric that counts it. */
export type Outcome = PushOutcome | RejectionReason | 'probe';

const METRIC_OF: Record<Outcome, string> = {
  stored: METRICS.stored,
  duplicate: METRICS.duplicate,
  other: METRICS.otherPushes,
  changed: METRICS.changed,
  forged: METRICS.forged,
  'not-a-postback': METRICS.notAPostback,
  probe: METRICS.probes,
};

/** A processed message, with what the archive keeps of it. */
export interface ArchivableMessage {
  readonly message: SQSRecord;
  readonly delivery: ArchivedDelivery;
}

/** What became of the messages of one batch. */
export class Batch {
  private readonly counts = new Map<string, number>();
  private readonly outcomes = new Map<Outcome, number>();
  readonly failedIds = new Set<string>();
  /** Processed messages, except probes. */
  readonly archivable: ArchivableMessage[] = [];

  get rejected(): number {
    return (this.outcomes.get('forged') ?? 0) + (this.outcomes.get('not-a-postback') ?? 0);
  }

  count(outcome: Outcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.add(METRIC_OF[outcome]);
  }

  /** Counts what was written of a row. A redelivery counts no second time. */
  countWrite(
    { outcome, isNewlyDiffering }: PushResult,
    line: { readonly hasProblems: boolean; readonly hasForeignSid: boolean },
  ): void {
    if (outcome === 'stored') this.add(METRICS.deliveredByPush);
    if (isNewlyDiffering) this.add(METRICS.differingPushes);
    if (outcome === 'duplicate') return;
    if (line.hasProblems) this.add(METRICS.parseProblems);
    if (line.hasForeignSid) this.add(METRICS.foreignSid);
  }

  fail({ messageId }: SQSRecord): void {
    this.failedIds.add(messageId);
    this.add(METRICS.failed);
  }

  /**
   * Counts by metric. Zero is left out, except for postbacks that delivered a line: the status
   * watch's probe makes it a data point every few minutes, which tells silence from missing data.
   */
  metrics(): Map<string, number> {
    return new Map([[METRICS.deliveredByPush, 0], ...this.counts]);
  }

  /** Counts by outcome, for the log. */
  summary(): Record<string, number> {
    return { ...Object.fromEntries(this.outcomes), failed: this.failedIds.size };
  }

  private add(metric: string): void {
    this.counts.set(metric, (this.counts.get(metric) ?? 0) + 1);
  }
}
