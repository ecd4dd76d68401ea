import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { ENVIRONMENT, METRICS } from '../../core/names';
import { FAILURE_KIND, FAILURE_REASON, PROBE_KIND, PROBE_SEEN_AT, STATE_KEYS, STATE_TTL } from '../../core/store/publisher-state';
import { Publishers } from '../../core/store/publishers';
import type { TransactionWriter, WriteOutcome } from '../../core/store/write';
import { environment } from '../runtime/environment';
import { type Decision, decide, type PublisherSource } from './decide';

export interface ConsumerParts {
  readonly client: DynamoDBClient;
  readonly stateTableName: string;
  readonly writer: TransactionWriter;
}

/** What became of a message, for the metric that counts it. */
type Outcome = WriteOutcome | 'forged' | 'not-a-postback' | 'probe';

const METRIC_OF: Record<Outcome, string> = {
  stored: METRICS.stored,
  duplicate: METRICS.duplicate,
  completed: METRICS.completed,
  changed: METRICS.changed,
  forged: METRICS.forged,
  'not-a-postback': METRICS.notAPostback,
  probe: METRICS.probes,
};

/** How long the accepted secrets are taken as last read: a revoked one is turned away after this long at the latest. */
const PUBLISHERS_FRESH_MILLIS = 60_000;
/** How long a probe's mark is kept; the self-test waits two minutes for it. */
const PROBE_KEPT_SECONDS = 60 * 60;
/** As long as a message can wait in the dead-letter queue. */
const FAILURE_KEPT_SECONDS = 14 * 24 * 60 * 60;
/** Of rejected messages so many are named in the log per batch, so that a flood of them does not become a flood of log lines. */
const MAX_REJECTED_LOGGED = 3;

/** Turns a batch of messages into rows. A message that fails is reported alone, so that the others of its batch are done with. */
export class Consumer {
  private readonly logger = new Logger({ serviceName: environment(ENVIRONMENT.metricsService) });
  private readonly metrics = new Metrics({
    namespace: environment(ENVIRONMENT.metricsNamespace),
    serviceName: environment(ENVIRONMENT.metricsService),
  });
  private publishers = new Publishers([]);
  private publishersReadAt = 0;

  constructor(private readonly parts: ConsumerParts) {}

  async handle(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
    const batch = new Batch();
    const source = this.publisherSource();
    const process = (record: SQSRecord): Promise<void> => this.process(record, source, batch);
    // Without the option Powertools throws when every message failed, and its response then names none of them.
    const response = await processPartialResponse(event, process, new BatchProcessor(EventType.SQS), {
      context,
      throwOnFullBatchFailure: false,
    });
    this.report(batch, event.Records.length);
    return response;
  }

  private async process(record: SQSRecord, source: PublisherSource, batch: Batch): Promise<void> {
    try {
      const decision = await decide(record.body, source);
      const outcome = await this.carryOut(decision);
      batch.count(outcome);
      if (decision.kind === 'line') {
        batch.countProblems(decision.line.problems.length);
        this.logger.info('line', { outcome, requestId: decision.line.requestId, messageId: record.messageId });
      } else if (decision.kind === 'rejected' && batch.rejected <= MAX_REJECTED_LOGGED) {
        this.logger.warn('rejected', { reason: decision.reason, requestId: decision.requestId, sourceIp: decision.sourceIp });
      }
    } catch (error) {
      await this.noteFailure(record, error, batch);
      throw error instanceof Error ? error : new Error(String(error));
    }
  }

  private async carryOut(decision: Decision): Promise<Outcome> {
    if (decision.kind === 'line') return this.parts.writer.write(decision.line);
    if (decision.kind === 'rejected') return decision.as;
    await this.remember(PROBE_KIND, decision.probe, PROBE_SEEN_AT, new Date().toISOString(), PROBE_KEPT_SECONDS);
    return 'probe';
  }

  /** The state as it was before this batch came serves until a secret is not in it; then it is read anew, once for the batch, since it may have changed. */
  private publisherSource(): PublisherSource {
    let reading: Promise<Publishers> | undefined;
    const read = (): Promise<Publishers> => {
      reading ??= Publishers.read(this.parts.client, this.parts.stateTableName).then((publishers) => {
        this.publishers = publishers;
        this.publishersReadAt = Date.now();
        return publishers;
      });
      return reading;
    };
    const isFresh = Date.now() - this.publishersReadAt < PUBLISHERS_FRESH_MILLIS;
    const known = isFresh ? this.publishers : new Publishers([]);
    return { known: () => known, read };
  }

  private async noteFailure(record: SQSRecord, error: unknown, batch: Batch): Promise<void> {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    batch.failed++;
    const received = Number(record.attributes.ApproximateReceiveCount);
    this.logger.error('message failed', { reason, messageId: record.messageId, received });
    try {
      await this.remember(FAILURE_KIND, record.messageId, FAILURE_REASON, reason, FAILURE_KEPT_SECONDS);
    } catch (noting) {
      // The message itself is safe in the queue; only the note beside it is missing.
      this.logger.error('could not note why a message failed', { messageId: record.messageId, reason: String(noting) });
    }
  }

  private async remember(kind: string, id: string, attribute: string, text: string, keptSeconds: number): Promise<void> {
    await this.parts.client.send(
      new PutItemCommand({
        TableName: this.parts.stateTableName,
        Item: {
          [STATE_KEYS.partition]: { S: kind },
          [STATE_KEYS.sort]: { S: id },
          [attribute]: { S: text },
          [STATE_TTL]: { N: String(Math.floor(Date.now() / 1000) + keptSeconds) },
        },
      }),
    );
  }

  private report(batch: Batch, messages: number): void {
    for (const [outcome, count] of batch.counts) this.metrics.addMetric(METRIC_OF[outcome], MetricUnit.Count, count);
    if (batch.withProblems > 0) this.metrics.addMetric(METRICS.parseProblems, MetricUnit.Count, batch.withProblems);
    if (batch.failed > 0) this.metrics.addMetric(METRICS.failed, MetricUnit.Count, batch.failed);
    this.metrics.publishStoredMetrics();
    this.logger.info('batch', { messages, failed: batch.failed, ...Object.fromEntries(batch.counts) });
  }
}

/** What became of the messages of one batch. */
class Batch {
  readonly counts = new Map<Outcome, number>();
  withProblems = 0;
  failed = 0;

  get rejected(): number {
    return (this.counts.get('forged') ?? 0) + (this.counts.get('not-a-postback') ?? 0);
  }

  count(outcome: Outcome): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }

  countProblems(problems: number): void {
    if (problems > 0) this.withProblems++;
  }
}
