import { METRICS } from '../../core/names';
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

/** What became of the messages of one batch. */
export class Batch {
  private readonly outcomes = new Map<Outcome, number>();
  private withProblems = 0;
  failed = 0;

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

  /** By metric. What did not happen is left out. */
  metrics(): Map<string, number> {
    const counts = new Map([...this.outcomes].map(([outcome, count]) => [METRIC_OF[outcome], count]));
    if (this.withProblems > 0) counts.set(METRICS.parseProblems, this.withProblems);
    if (this.failed > 0) counts.set(METRICS.failed, this.failed);
    return counts;
  }

  /** By outcome. */
  summary(): Record<string, number> {
    return { ...Object.fromEntries(this.outcomes), failed: this.failed };
  }
}
