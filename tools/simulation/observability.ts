import { Log } from '../../lambda/shared/log';
import { Metrics } from '../../lambda/shared/metrics';

/** A log that is discarded: a campaign has a million lines of it. */
export class SilentLog extends Log {
  public constructor() {
    super('campaign');
  }

  public override of(): Log {
    return this;
  }
  public override info(): void {}
  public override warn(): void {}
  public override error(): void {}
}

/** The functions' metrics, summed up. */
export class MetricSums extends Metrics {
  private readonly sums = new Map<string, number>();

  public constructor() {
    super('campaign', 'campaign');
  }

  public override write(counts: ReadonlyMap<string, number>): void {
    for (const [name, count] of counts) this.sums.set(name, this.sum(name) + count);
  }

  public sum(name: string): number {
    return this.sums.get(name) ?? 0;
  }
}
