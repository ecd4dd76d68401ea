import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Archive } from '../../core/archive/archive-record';
import { archiveRecord } from '../../core/archive/archive-record';
import { limitConcurrency, retryOnThrottle, withTimeout } from '../../core/async';
import { errorText } from '../../core/errors';
import { SOURCES } from '../../core/names';
import {
  normalisedQuery,
  type PostbackMessage,
  parseMessage,
} from '../../core/rakuten/postback/message';
import {
  FAILURE_KEPT_SECONDS,
  FAILURE_KIND,
  FAILURE_REASON,
  PROBE_KIND,
  PROBE_SEEN_AT,
  STATE_KEYS,
  STATE_TTL,
} from '../../core/state/publisher-state';
import { Publishers } from '../../core/state/publishers';
import { keyText, parseLineId, type RowKey } from '../../core/transactions/keys';
import type { KeyedPush } from '../../core/transactions/pushed-line';
import type { RowStore } from '../../core/transactions/row-store';
import type { ForgottenSource, MembersToForget } from '../../core/transactions/without-member';
import {
  inAnyForm,
  isQueryOf,
  pushWithoutMember,
  queryWithoutMember,
} from '../../core/transactions/without-member';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import { Batch, type Outcome } from './batch';
import { type Decision, decide, type PublisherSource } from './decide';

export interface ConsumerOptions {
  readonly client: DynamoDBClient;
  readonly stateTableName: string;
  readonly rows: RowStore;
  /** Members to leave out of rows, archive and log. */
  readonly forgotten: ForgottenSource;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether log lines carry the query string, without our secret. @default false */
  readonly logPayloads?: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly pause: (millis: number) => Promise<unknown>;
  /** @default - raw messages are not kept */
  readonly archive?: Archive;
}

/**
 * How long the accepted secrets are cached: a revoked one is rejected after this long at the
 * latest.
 */
const PUBLISHERS_FRESH_MILLIS = 60_000;
/** How long the mark of a probe is kept; the self-test waits two minutes for it. */
const PROBE_KEPT_SECONDS = 60 * 60;
/** Rejected messages named in the log per batch, so that a flood of them does not flood the log. */
const MAX_REJECTED_LOGGED = 3;
/**
 * As many as the SDK has connections. A call that waits longer for one than the connect timeout
 * would fail.
 */
const WRITES_AT_ONCE = 50;
/** Reserve of the function's time: a function that is cut off reports nothing about its batch. */
const RESERVED_MILLIS = 5_000;
/** How long archiving a batch may take. */
const ARCHIVE_MILLIS = 8_000;
/** How long recording the reason of a failure may take. */
const FAILURE_NOTE_MILLIS = 2_000;

/** A message with its line, on the way to its row. */
interface LineRecord {
  readonly record: SQSRecord;
  readonly message: PostbackMessage;
  readonly line: KeyedPush;
}

interface ArchivedPostback extends Pick<LineRecord, 'record' | 'message'> {
  readonly key?: RowKey;
  readonly query: string;
}

/** State of one invocation. */
interface Invocation {
  readonly batch: Batch;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly publishers: PublisherSource;
}

/**
 * Turns a batch of messages into rows. Messages of one row are written together.
 *
 * A message that fails is reported alone, so that the others of its batch are done.
 */
export class Consumer {
  private publishers = new Publishers([]);
  private publishersReadAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ConsumerOptions) {}

  async handle(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
    const { now, archive, metrics } = this.options;
    const invocation: Invocation = {
      batch: new Batch(),
      log: this.options.log.of(context),
      deadline:
        now() +
        context.getRemainingTimeInMillis() -
        RESERVED_MILLIS -
        (archive === undefined ? 0 : ARCHIVE_MILLIS),
      publishers: this.publisherSource(),
    };
    const lines = await Promise.all(
      event.Records.map((record) => this.handleRecord(record, invocation)),
    );
    const run = limitConcurrency(WRITES_AT_ONCE);
    await Promise.all(
      groupByRow(lines.filter((line) => line !== undefined)).map((group) =>
        run(() => this.writeRow(group, invocation)),
      ),
    );
    await this.archiveBatch(invocation);
    const { batch, log } = invocation;
    metrics.write(batch.metrics());
    log.info('batch', { messages: event.Records.length, ...batch.summary() });
    return {
      batchItemFailures: [...batch.failedIds].map((itemIdentifier) => ({ itemIdentifier })),
    };
  }

  /** The line of a message; undefined where there is none or the message failed. */
  private async handleRecord(
    record: SQSRecord,
    invocation: Invocation,
  ): Promise<LineRecord | undefined> {
    try {
      const message = parseMessage(record.body);
      const read = () =>
        Promise.all([decide(message, invocation.publishers), this.options.forgotten.current()]);
      const [decision, forgotten] = await this.withRetry(read, invocation);
      if (decision.kind === 'line')
        return { record, message, line: lineWithout(forgotten, decision) };
      await this.applyDecision(decision, record, message, forgotten, invocation);
    } catch (error) {
      await this.fail(record, error, invocation);
    }
    return undefined;
  }

  private async applyDecision(
    decision: Exclude<Decision, { kind: 'line' }>,
    record: SQSRecord,
    message: PostbackMessage,
    forgotten: MembersToForget,
    invocation: Invocation,
  ): Promise<void> {
    const { batch, log } = invocation;
    const { messageId } = record;
    const { requestId, sourceIp } = message;
    if (decision.kind === 'probe') {
      const seenAt = new Date(this.options.now()).toISOString();
      await this.withRetry(
        () => this.remember(PROBE_KIND, decision.probe, PROBE_SEEN_AT, seenAt, PROBE_KEPT_SECONDS),
        invocation,
      );
      batch.count('probe');
      log.info('probe', { requestId, messageId });
      return;
    }
    batch.count(decision.reason);
    const query = queryOf(message, forgotten, invocation.publishers.known());
    this.keepForArchive({ record, message, query }, decision.reason, invocation);
    if (batch.rejected > MAX_REJECTED_LOGGED) return;
    log.warn('rejected', {
      reason: decision.problem,
      requestId,
      messageId,
      sourceIp,
      ...this.payload(query),
    });
  }

  /** Writes the messages of one row. If that fails, all of them come again. */
  private async writeRow(
    group: readonly [LineRecord, ...LineRecord[]],
    invocation: Invocation,
  ): Promise<void> {
    const { batch, log, deadline } = invocation;
    const { key } = group[0].line;
    try {
      const pushes = group.map(({ line }) => line.push);
      const result = await this.withRetry(
        () => this.options.rows.writePushes(key, pushes, deadline),
        invocation,
      );
      batch.countWrite(result, {
        hasProblems: pushes.some(({ problems }) => problems.length > 0),
        hasForeignSid: group.some(({ line }) => line.hasForeignSid),
      });
      for (const [index, { record, message, line }] of group.entries()) {
        // The row was written once: the first message did it, and the others added what they had.
        const outcome = index === 0 ? result.outcome : 'duplicate';
        batch.count(outcome);
        this.keepForArchive(
          { record, message, key: line.key, query: line.push.query },
          outcome,
          invocation,
        );
        log.info('line', {
          outcome,
          requestId: message.requestId,
          messageId: record.messageId,
          ...this.payload(line.push.query),
        });
      }
    } catch (error) {
      await Promise.all(group.map(({ record }) => this.fail(record, error, invocation)));
    }
  }

  private withRetry<T>(work: () => Promise<T>, { deadline }: Invocation): Promise<T> {
    return retryOnThrottle(
      work,
      deadline,
      'DynamoDB did not answer in time; the message is tried again',
      this.options,
    );
  }

  private keepForArchive(
    { record, message, key, query }: ArchivedPostback,
    outcome: Outcome,
    { batch }: Invocation,
  ): void {
    const { receivedAt, requestId, sourceIp } = message;
    batch.archivable.push({
      message: record,
      delivery: { receivedAt, requestId, sourceIp, source: SOURCES.push, outcome, key, query },
    });
  }

  /**
   * Archives the batch, after the rows: an archive that cannot be reached keeps no line from the
   * table. A message that was not archived comes again, finds its row, and ends in the dead-letter
   * queue if need be, so that the archive misses none.
   */
  private async archiveBatch(invocation: Invocation): Promise<void> {
    const { archive, now } = this.options;
    const { archivable } = invocation.batch;
    if (archive === undefined || archivable.length === 0) return;
    const put = archive.put(archivable.map(({ delivery }) => archiveRecord(delivery)));
    const failed = await withTimeout(
      ARCHIVE_MILLIS,
      put,
      'Firehose did not answer in time; the message is archived when it comes again',
    ).catch((error: unknown) => new Map(archivable.map((_, index) => [index, error] as const)));
    const notesUntil = now() + FAILURE_NOTE_MILLIS;
    for (const [index, reason] of failed) {
      const record = archivable[index]?.message;
      if (record === undefined) continue;
      if (now() < notesUntil)
        await this.fail(
          record,
          reason instanceof Error ? reason : new Error(String(reason)),
          invocation,
        );
      else invocation.batch.fail(record);
    }
  }

  private payload(query: string): { readonly query?: string } {
    return this.options.logPayloads ? { query } : {};
  }

  /**
   * Serves the cached publishers until a secret is not among them; then reads them once for the
   * batch.
   */
  private publisherSource(): PublisherSource {
    let reading: Promise<Publishers> | undefined;
    const read = (): Promise<Publishers> => {
      reading ??= Publishers.read(this.options.client, this.options.stateTableName).then(
        (publishers) => {
          this.publishers = publishers;
          this.publishersReadAt = this.options.now();
          return publishers;
        },
        (error: unknown) => {
          // The next try reads again.
          reading = undefined;
          throw error;
        },
      );
      return reading;
    };
    const isFresh = this.options.now() - this.publishersReadAt < PUBLISHERS_FRESH_MILLIS;
    const known = isFresh ? this.publishers : new Publishers([]);
    return { known: () => known, read };
  }

  /** Reports a message as failed, and notes the reason for whoever reads the dead-letter queue. */
  private async fail(record: SQSRecord, error: unknown, { batch, log }: Invocation): Promise<void> {
    batch.fail(record);
    const reason = errorText(error);
    const { messageId } = record;
    // API Gateway's ID of the GET, where the endpoint wrote the message.
    const requestId = new URLSearchParams(record.body).get('id') ?? undefined;
    log.error('message failed', {
      reason,
      requestId,
      messageId,
      received: Number(record.attributes.ApproximateReceiveCount),
    });
    try {
      const note = () =>
        this.remember(FAILURE_KIND, messageId, FAILURE_REASON, reason, FAILURE_KEPT_SECONDS);
      await retryOnThrottle(
        note,
        this.options.now() + FAILURE_NOTE_MILLIS,
        'DynamoDB did not answer in time',
        this.options,
      );
    } catch (noting) {
      // The message itself is safe in the queue; only its reason is missing.
      log.error('the reason of a failed message was not recorded', {
        messageId,
        reason: String(noting),
      });
    }
  }

  private async remember(
    kind: string,
    id: string,
    attribute: string,
    text: string,
    keptSeconds: number,
  ): Promise<void> {
    await this.options.client.send(
      new PutItemCommand({
        TableName: this.options.stateTableName,
        Item: {
          [STATE_KEYS.partition]: { S: kind },
          [STATE_KEYS.sort]: { S: id },
          [attribute]: { S: text },
          [STATE_TTL]: { N: String(Math.floor(this.options.now() / 1000) + keptSeconds) },
        },
      }),
    );
  }
}

/**
 * The line without members that were forgotten. Its key stays, so that a redelivery finds its row.
 */
function lineWithout(forgotten: MembersToForget, line: KeyedPush): KeyedPush {
  const member = forgotten.testFor(parseLineId(line.key.lineId).sid);
  return member === undefined ? line : { ...line, push: pushWithoutMember(line.push, member) };
}

/** The query string of a message that is no line, without members that every publisher forgot. */
function queryOf(
  { parameters }: PostbackMessage,
  forgotten: MembersToForget,
  { fieldLists }: Publishers,
): string {
  const query = normalisedQuery(parameters);
  const test = forgotten.testFor(undefined);
  const member = test && inAnyForm(test);
  return member !== undefined && isQueryOf(parameters, fieldLists, member)
    ? queryWithoutMember(query, member)
    : query;
}

/** Messages by their row, so that each row is written once. */
function groupByRow(lines: readonly LineRecord[]): [LineRecord, ...LineRecord[]][] {
  const groups = new Map<string, [LineRecord, ...LineRecord[]]>();
  for (const line of lines) {
    const key = keyText(line.line.key);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  return [...groups.values()];
}
