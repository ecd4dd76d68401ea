import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  BatchWriteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import {
  FAILURE_KEPT_SECONDS,
  FAILURE_KIND,
  FAILURE_REASON,
  STATE_KEYS,
  STATE_TTL,
} from '../state/publisher-state';

/** The consumer's note about a message that failed. */
export interface FailureNote {
  /** `<name of the error>: <message>`. */
  readonly reason: string;
  /** When it last failed, milliseconds since 1970. */
  readonly failedAt: number;
}

type Key = Record<string, AttributeValue>;

/** DynamoDB's limits for one call. */
const READS_PER_CALL = 100;
const WRITES_PER_CALL = 25;
/** Keys that DynamoDB leaves out when it throttles are requested again. */
const MAX_TRIES = 8;

/** The notes that the consumer leaves in the state table, by message id. */
export class FailureNotes {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  async read(ids: readonly string[]): Promise<Map<string, FailureNote>> {
    const notes = new Map<string, FailureNote>();
    for (let start = 0; start < ids.length; start += READS_PER_CALL) {
      let Keys: Key[] | undefined = ids.slice(start, start + READS_PER_CALL).map(keyOf);
      for (let tries = 0; Keys !== undefined && Keys.length > 0 && tries < MAX_TRIES; tries += 1) {
        const { Responses, UnprocessedKeys }: BatchGetItemCommandOutput = await this.client.send(
          new BatchGetItemCommand({
            RequestItems: { [this.tableName]: { Keys, ConsistentRead: true } },
          }),
        );
        for (const item of Responses?.[this.tableName] ?? [])
          notes.set(item[STATE_KEYS.sort]?.S ?? '', noteIn(item));
        Keys = UnprocessedKeys?.[this.tableName]?.Keys;
      }
    }
    return notes;
  }

  /** The newest note of all; undefined when there is none. */
  async latest(): Promise<FailureNote | undefined> {
    let latest: FailureNote | undefined;
    for await (const [, note] of this.all())
      if (latest === undefined || note.failedAt > latest.failedAt) latest = note;
    return latest;
  }

  /** Every note, with the id of its message. */
  async *all(): AsyncGenerator<readonly [id: string, note: FailureNote], void, undefined> {
    for await (const { Items = [] } of paginateQuery({ client: this.client }, this.ofAll())) {
      for (const item of Items) yield [item[STATE_KEYS.sort]?.S ?? '', noteIn(item)];
    }
  }

  /** Writes the note of a message. It expires as the consumer's would. */
  async save(id: string, { reason, failedAt }: FailureNote): Promise<void> {
    const expiresAt = Math.floor(failedAt / 1000) + FAILURE_KEPT_SECONDS;
    const Item = {
      ...keyOf(id),
      [FAILURE_REASON]: { S: reason },
      [STATE_TTL]: { N: String(expiresAt) },
    };
    await this.client.send(new PutItemCommand({ TableName: this.tableName, Item }));
  }

  private ofAll(): QueryCommandInput {
    return {
      TableName: this.tableName,
      KeyConditionExpression: '#kind = :failure',
      ExpressionAttributeNames: { '#kind': STATE_KEYS.partition },
      ExpressionAttributeValues: { ':failure': { S: FAILURE_KIND } },
    };
  }

  /** Deletes notes. One that DynamoDB leaves out stays until it expires. */
  async remove(ids: readonly string[]): Promise<void> {
    for (let start = 0; start < ids.length; start += WRITES_PER_CALL) {
      const requests = ids
        .slice(start, start + WRITES_PER_CALL)
        .map((id) => ({ DeleteRequest: { Key: keyOf(id) } }));
      await this.client.send(
        new BatchWriteItemCommand({ RequestItems: { [this.tableName]: requests } }),
      );
    }
  }
}

const keyOf = (id: string): Key => ({
  [STATE_KEYS.partition]: { S: FAILURE_KIND },
  [STATE_KEYS.sort]: { S: id },
});

const noteIn = (item: Key): FailureNote => ({
  reason: item[FAILURE_REASON]?.S ?? '',
  failedAt: (Number(item[STATE_TTL]?.N) - FAILURE_KEPT_SECONDS) * 1000,
});
