import type { SQSRecord } from 'aws-lambda';
import { METRICS, SOURCES } from '../../core/names';
import { isBackfill } from '../../core/reconciliation/run-id';
import type { DeliveredLine } from '../../core/store/merge';
import type { WriteOutcome } from '../../core/store/write';

/** What became of a message, for the metric that counts it. */
export type Outcome = WriteOutcome | 'forged' | 'not-a-postback' | 'probe';

const METRIC_OF: Record<Outcome, string> = {
  stored: METRICS.stored,
  duplicate: METRICS.duplicate,
  completed: METRICS.completed,
  changed: METRICS.changed,
  forged: METRICS.forged,
  'not-a-postback': METRICS.notAPostback,
  probe: METRICS.probes,
};

/** A message that was dealt with. */
export interface Done {
  readonly message: SQSRecord;
  readonly outcome: Outcome;
  /** Absent of one that was rejected. */
  readonly line: DeliveredLine | undefined;
}

/** What became of the messages of one batch. */
export class Batch {
  private readonly outcomes = new Map<Outcome, number>();
  private readonly origins = new Map<string, number>();
  private withProblems = 0;
  failed = 0;
  /** The messages that were dealt with, but for probes. */
  readonly done: Done[] = [];

  get rejected(): number {
    return (this.outcomes.get('forged') ?? 0) + (this.outcomes.get('not-a-postback') ?? 0);
  }

  count(outcome: Outcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** A line was written of which something could not be read. A redelivery of it is not another one. */
  countProblem(outcome: Outcome): void {
    if (outcome !== 'duplicate') this.withProblems++;
  }

  /** A line was written: who brought it, and whether both of Rakuten's interfaces have told it now. */
  countOrigin(line: DeliveredLine, outcome: Outcome): void {
    const metric =
      line.source === SOURCES.eventsApi ? toldMetric(line, outcome) : outcome === 'stored' ? METRICS.deliveredByPush : undefined;
    if (metric !== undefined) this.origins.set(metric, (this.origins.get(metric) ?? 0) + 1);
  }

  /**
   * By metric. What did not happen is left out, but for postbacks that brought a line: that there was none is a number too, which the status watch's probe has
   * written every few minutes. Silence is then told from nobody looking.
   */
  metrics(): Map<string, number> {
    const outcomes = [...this.outcomes].map(([outcome, count]): [string, number] => [METRIC_OF[outcome], count]);
    const counts = new Map([...outcomes, [METRICS.deliveredByPush, 0], ...this.origins]);
    if (this.withProblems > 0) counts.set(METRICS.parseProblems, this.withProblems);
    if (this.failed > 0) counts.set(METRICS.failed, this.failed);
    return counts;
  }

  /** By outcome. */
  summary(): Record<string, number> {
    return { ...Object.fromEntries(this.outcomes), failed: this.failed };
  }
}

function toldMetric(line: DeliveredLine, outcome: Outcome): string | undefined {
  if (outcome === 'duplicate') return undefined;
  if (outcome !== 'stored') return METRICS.verified;
  return isBackfill(line.requestId) ? METRICS.backfilled : METRICS.recovered;
}
