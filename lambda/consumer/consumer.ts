import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { archiveRecord } from '../../core/archive/record';
import { normalisedQuery, parseMessage } from '../../core/rakuten/message';
import { rowKey } from '../../core/store/keys';
import {
  FAILURE_KEPT_SECONDS,
  FAILURE_KIND,
  FAILURE_REASON,
  PROBE_KIND,
  PROBE_SEEN_AT,
  STATE_KEYS,
  STATE_TTL,
} from '../../core/store/publisher-state';
import { Publishers } from '../../core/store/publishers';
import type { TransactionWriter } from '../../core/store/write';
import { atMost } from '../runtime/at-most';
import { inTime } from '../runtime/deadline';
import type { Log } from '../runtime/log';
import type { Metrics } from '../runtime/metrics';
import { whileThrottled } from '../runtime/while-throttled';
import type { Archive } from './archive';
import { Batch, type Outcome } from './batch';
import { type Decision, decide, type PublisherSource } from './decide';

export interface ConsumerParts {
  readonly client: DynamoDBClient;
  readonly stateTableName: string;
  readonly writer: TransactionWriter;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether log lines carry what a postback said, without our secret. */
  readonly logPayloads?: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Waits for so many milliseconds. */
  readonly pause: (millis: number) => Promise<unknown>;
  /** @default - raw messages are not kept */
  readonly archive?: Archive;
}

/** How long the accepted secrets are taken as last read: a revoked one is turned away after this long at the latest. */
const PUBLISHERS_FRESH_MILLIS = 60_000;
/** How long a probe's mark is kept; the self-test waits two minutes for it. */
const PROBE_KEPT_SECONDS = 60 * 60;
/** Of rejected messages so many are named in the log per batch, so that a flood of them does not become a flood of log lines. */
const MAX_REJECTED_LOGGED = 3;
/** Messages at work at a time: as many as the SDK has connections. A call that waits for one longer than the client waits to connect would fail. */
const MESSAGES_AT_ONCE = 50;
/** What is left of the function's time when a message is given up: a function that is cut off has said nothing about the others of its batch. */
const RESERVED_MILLIS = 5_000;
/** How long to try to archive a batch. */
const ARCHIVE_MILLIS = 8_000;
/** How long to try to note why a message failed. */
const NOTE_MILLIS = 2_000;

/** Turns a batch of messages into rows. A message that fails is reported alone, so that the others of its batch are done with. */
export class Consumer {
  private publishers = new Publishers([]);
  private publishersReadAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: ConsumerParts) {}

  async handle(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
    const batch = new Batch();
    const log = this.parts.log.of(context);
    const source = this.publisherSource();
    const archiving = this.parts.archive === undefined ? 0 : ARCHIVE_MILLIS;
    const end = this.parts.now() + context.getRemainingTimeInMillis() - RESERVED_MILLIS - archiving;
    const inTurn = atMost(MESSAGES_AT_ONCE);
    const process = (record: SQSRecord): Promise<void> => inTurn(() => this.process(record, source, batch, log, end));
    // Without the option Powertools throws when every message failed, and its response then names none of them.
    const response = await processPartialResponse(event, process, new BatchProcessor(EventType.SQS), {
      context,
      throwOnFullBatchFailure: false,
    });
    const notArchived = await this.archive(batch, log);
    this.parts.metrics.write(batch.metrics());
    log.info('batch', { messages: event.Records.length, ...batch.summary() });
    return { batchItemFailures: [...response.batchItemFailures, ...notArchived.map((itemIdentifier) => ({ itemIdentifier }))] };
  }

  private async process(record: SQSRecord, source: PublisherSource, batch: Batch, log: Log, end: number): Promise<void> {
    try {
      const work = () => this.work(record, source, batch, log);
      await whileThrottled(work, end, 'DynamoDB did not answer in time; the message is tried again', this.parts);
    } catch (error) {
      batch.failed++;
      await this.noteFailure(record, error, log);
      throw error instanceof Error ? error : new Error(String(error));
    }
  }

  private async work(record: SQSRecord, source: PublisherSource, batch: Batch, log: Log): Promise<void> {
    const decision = await decide(record.body, source);
    const outcome = await this.carryOut(decision);
    batch.count(outcome);
    if (decision.kind !== 'probe')
      batch.done.push({ message: record, outcome, line: decision.kind === 'line' ? decision.line : undefined });
    if (decision.kind === 'line') {
      batch.countOrigin(decision.line, outcome);
      if (decision.line.problems.length > 0) batch.countProblem(outcome);
      const { requestId, query } = decision.line;
      log.info('line', { outcome, requestId, messageId: record.messageId, ...this.payload(query) });
    } else if (decision.kind === 'probe') {
      log.info('probe', { requestId: decision.requestId, messageId: record.messageId });
    } else if (batch.rejected <= MAX_REJECTED_LOGGED) {
      const { reason, requestId, sourceIp, parameters } = decision;
      log.warn('rejected', { reason, requestId, messageId: record.messageId, sourceIp, ...this.payload(normalisedQuery(parameters)) });
    }
  }

  /**
   * Archives what is done, rows first: an archive that cannot be reached keeps no line from the table. A message that it did not take comes again, finds its row there, and
   * ends in the dead-letter queue if need be, so that the archive misses none. Gives the ids of those.
   */
  private async archive(batch: Batch, log: Log): Promise<string[]> {
    const { archive, now } = this.parts;
    if (archive === undefined || batch.done.length === 0) return [];
    const { done } = batch;
    const records = done.map(({ message, outcome, line }) =>
      archiveRecord(parseMessage(message.body), outcome, line && rowKey(line.fields, line.problems)),
    );
    const put = inTime(
      ARCHIVE_MILLIS,
      archive.put(records),
      'Firehose did not answer in time; the message is archived when it comes again',
    );
    const failed = await put.catch((error: unknown) => new Map(done.map((_, i) => [i, error] as const)));
    const ids: string[] = [];
    const noting = now() + NOTE_MILLIS;
    for (const [i, reason] of failed) {
      const { message } = done[i] ?? {};
      if (message === undefined) continue;
      batch.failed++;
      ids.push(message.messageId);
      if (now() < noting) await this.noteFailure(message, reason instanceof Error ? reason : new Error(String(reason)), log);
    }
    return ids;
  }

  private payload(query: string): { readonly query?: string } {
    return this.parts.logPayloads ? { query } : {};
  }

  private async carryOut(decision: Decision): Promise<Outcome> {
    if (decision.kind === 'line') return this.parts.writer.write(decision.line);
    if (decision.kind === 'rejected') return decision.as;
    await this.remember(PROBE_KIND, decision.probe, PROBE_SEEN_AT, new Date(this.parts.now()).toISOString(), PROBE_KEPT_SECONDS);
    return 'probe';
  }

  /** The state as it was before this batch came serves until a secret is not in it; then it is read anew, once for the batch, since it may have changed. */
  private publisherSource(): PublisherSource {
    let reading: Promise<Publishers> | undefined;
    const read = (): Promise<Publishers> => {
      reading ??= Publishers.read(this.parts.client, this.parts.stateTableName).then(
        (publishers) => {
          this.publishers = publishers;
          this.publishersReadAt = this.parts.now();
          return publishers;
        },
        (error: unknown) => {
          // Whoever tries again reads again.
          reading = undefined;
          throw error;
        },
      );
      return reading;
    };
    const isFresh = this.parts.now() - this.publishersReadAt < PUBLISHERS_FRESH_MILLIS;
    const known = isFresh ? this.publishers : new Publishers([]);
    return { known: () => known, read };
  }

  private async noteFailure(record: SQSRecord, error: unknown, log: Log): Promise<void> {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const { messageId } = record;
    // The id that API Gateway gave the GET, where the message is one of the endpoint's.
    const requestId = new URLSearchParams(record.body).get('id') ?? undefined;
    log.error('message failed', { reason, requestId, messageId, received: Number(record.attributes.ApproximateReceiveCount) });
    try {
      const note = () => this.remember(FAILURE_KIND, messageId, FAILURE_REASON, reason, FAILURE_KEPT_SECONDS);
      await whileThrottled(note, this.parts.now() + NOTE_MILLIS, 'DynamoDB did not answer in time', this.parts);
    } catch (noting) {
      // The message itself is safe in the queue; only the note beside it is missing.
      log.error('could not note why a message failed', { messageId, reason: String(noting) });
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
          [STATE_TTL]: { N: String(Math.floor(this.parts.now() / 1000) + keptSeconds) },
        },
      }),
    );
  }
}
