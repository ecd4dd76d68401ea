import { DeleteItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { limitConcurrency } from '../async';
import { MISSING_KIND, STATE_KEYS, STATE_TTL } from '../state/publisher-state';
import { queryItems } from '../transactions/query-items';

/** Verified lines that a complete read of the Events API lacked, and since when. */
export interface MissingLines {
  /** By `line_id`, in milliseconds since 1970. */
  read(sid: string): Promise<ReadonlyMap<string, number>>;
  remember(lineIds: readonly string[], since: number): Promise<void>;
  forget(lineIds: readonly string[]): Promise<void>;
}

const MISSING_SINCE = 'missing_since';
/** Longer than the Events API goes back, so that a mark outlives every read that could need it. */
const KEPT_SECONDS = 35 * 24 * 60 * 60;
const WRITES_AT_ONCE = 16;

/** Keeps them in the state table: they are few at a time, and the rows stay as they are. */
export class MissingLinesTable implements MissingLines {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
  ) {}

  async read(sid: string): Promise<ReadonlyMap<string, number>> {
    const lines = new Map<string, number>();
    const items = queryItems(this.client, {
      TableName: this.tableName,
      KeyConditionExpression: '#kind = :missing AND begins_with(#id, :sid)',
      ExpressionAttributeNames: { '#kind': STATE_KEYS.partition, '#id': STATE_KEYS.sort },
      ExpressionAttributeValues: { ':missing': { S: MISSING_KIND }, ':sid': { S: `${sid}#` } },
    });
    for await (const item of items)
      lines.set(item[STATE_KEYS.sort]?.S ?? '', Date.parse(item[MISSING_SINCE]?.S ?? ''));
    return lines;
  }

  remember(lineIds: readonly string[], since: number): Promise<void> {
    const attributes = {
      [MISSING_SINCE]: { S: new Date(since).toISOString() },
      [STATE_TTL]: { N: String(Math.floor(since / 1000) + KEPT_SECONDS) },
    };
    return this.each(
      lineIds,
      (id) =>
        new PutItemCommand({ TableName: this.tableName, Item: { ...keyOf(id), ...attributes } }),
    );
  }

  forget(lineIds: readonly string[]): Promise<void> {
    return this.each(
      lineIds,
      (id) => new DeleteItemCommand({ TableName: this.tableName, Key: keyOf(id) }),
    );
  }

  private async each(
    lineIds: readonly string[],
    command: (lineId: string) => PutItemCommand | DeleteItemCommand,
  ): Promise<void> {
    const limited = limitConcurrency(WRITES_AT_ONCE);
    await Promise.all(
      lineIds.map((id) => limited(() => this.client.send(command(id) as PutItemCommand))),
    );
  }
}

const keyOf = (lineId: string) => ({
  [STATE_KEYS.partition]: { S: MISSING_KIND },
  [STATE_KEYS.sort]: { S: lineId },
});
