import { METRICS_NAMESPACE } from '../core/names';

/** Sums the metrics that functions write to their output in CloudWatch's embedded metric format. */
export class MetricSums {
  private readonly sums = new Map<string, number>();

  /** Reads one line of output. Returns whether it was metrics. */
  public read(line: string): boolean {
    const document = embeddedMetrics(line);
    if (document === undefined) return false;
    for (const { Namespace, Metrics } of document._aws.CloudWatchMetrics) {
      if (Namespace !== METRICS_NAMESPACE) continue;
      for (const { Name } of Metrics) this.sums.set(Name, this.sum(Name) + total(document[Name]));
    }
    return true;
  }

  public sum(metric: string): number {
    return this.sums.get(metric) ?? 0;
  }
}

interface MetricDocument {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [name: string]: unknown;
}

function embeddedMetrics(line: string): MetricDocument | undefined {
  if (!line.startsWith('{') || !line.includes('"CloudWatchMetrics"')) return undefined;
  try {
    return JSON.parse(line) as MetricDocument;
  } catch {
    // Other output that only looks like metrics.
    return undefined;
  }
}

/** A metric with several values in one document is a list. */
const total = (value: unknown): number =>
  [value].flat().reduce<number>((sum, item) => sum + Number(item ?? 0), 0);
