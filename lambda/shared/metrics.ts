/**
 * Counts, written to the log in CloudWatch's embedded metric format: CloudWatch makes metrics of
 * them, with no call on the way.
 *
 * @param namespace of the metrics
 * @param service value of their one dimension, `service`
 */
export class Metrics {
  constructor(
    private readonly namespace: string,
    private readonly service: string,
  ) {}

  /**
   * Writes counts as one document. Does nothing when there are none. What is neither a count nor a
   * time has the unit `None`.
   */
  write(
    counts: ReadonlyMap<string, number>,
    unit: 'Count' | 'Milliseconds' | 'None' = 'Count',
  ): void {
    if (counts.size === 0) return;
    const directive = {
      Namespace: this.namespace,
      Dimensions: [['service']],
      Metrics: [...counts.keys()].map((Name) => ({ Name, Unit: unit })),
    };
    const document = {
      _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
      service: this.service,
      ...Object.fromEntries(counts),
    };
    process.stdout.write(`${JSON.stringify(document)}\n`);
  }
}
