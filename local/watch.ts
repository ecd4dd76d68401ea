import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS } from '../core/transactions/keys';
import type { Row } from './verify';

/** Shortest time between two reads of the table. */
const PAUSE_MILLIS = 500;

/**
 * Reports new rows. The embedded DynamoDB has no stream, so this reads the table after the consumer
 * has processed a batch, and less often if the table is large.
 */
export class RowWatch {
  private readonly known = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private pause = PAUSE_MILLIS;
  private reading: Promise<void> = Promise.resolve();

  public constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly onRow: (row: Row) => void,
  ) {}

  /** Marks these rows as known. */
  public async start(rows: readonly Row[]): Promise<void> {
    for (const row of rows) this.known.add(keyOf(row));
  }

  /** There may be new rows. */
  public nudge(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.reading = this.read();
    }, this.pause);
  }

  public async stop(): Promise<void> {
    clearTimeout(this.timer);
    await this.reading;
  }

  private async read(): Promise<void> {
    const started = Date.now();
    const fresh: Row[] = [];
    for await (const { Items = [] } of paginateScan(
      { client: this.client },
      { TableName: this.tableName },
    )) {
      for (const row of Items) {
        if (this.known.has(keyOf(row))) continue;
        this.known.add(keyOf(row));
        fresh.push(row);
      }
    }
    this.pause = Math.max(PAUSE_MILLIS, 10 * (Date.now() - started));
    const arrival = (row: Row): string => row.received_at?.S ?? '';
    for (const row of fresh.sort((a, b) => (arrival(a) < arrival(b) ? -1 : 1))) this.onRow(row);
  }
}

const keyOf = (row: Row): string =>
  JSON.stringify([row[TABLE_KEYS.partition]?.S, row[TABLE_KEYS.sort]?.S]);
