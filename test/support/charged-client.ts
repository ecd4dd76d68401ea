import {
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS } from '../../core/transactions/keys';
import { type Item, itemBytes } from '../../tools/cost/item-size';
import { writeUnits } from './write-units';

export interface Charge {
  /** Names of the calls, in order. */
  calls: string[];
  /** Write units of the table itself. */
  table: number;
  /** Write units of the indexes. */
  indexes: number;
  /** Read units of rows. */
  rowReads: number;
}

export const noCharge = (): Charge => ({ calls: [], table: 0, indexes: 0, rowReads: 0 });

const BYTES_PER_READ_UNIT = 4096;

type Command = PutItemCommand | UpdateItemCommand | GetItemCommand | BatchGetItemCommand;

/**
 * A client that charges each call by the row before and after it.
 *
 * As AWS does, it returns the row with a rejection.
 */
export class ChargedClient {
  charge = noCharge();

  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  send = async (command: Command): Promise<unknown> => {
    this.charge.calls.push(command.constructor.name.replace('Command', ''));
    if (command instanceof GetItemCommand) return this.read(command);
    if (command instanceof BatchGetItemCommand) return this.readBatch(command);
    const before = await this.rowOf(command);
    try {
      return await this.client.send(command as PutItemCommand);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      throw new ConditionalCheckFailedException({
        message: error.message,
        $metadata: {},
        ...(before && { Item: { ...before } }),
      });
    } finally {
      const { table, total } = writeUnits(before, await this.rowOf(command));
      this.charge.table += table;
      this.charge.indexes += total - table;
    }
  };

  /** Strongly consistent, as the store reads. */
  private async read(command: GetItemCommand): Promise<unknown> {
    const answer = await this.client.send(command);
    this.charge.rowReads += readUnits(answer.Item);
    return answer;
  }

  /** Eventually consistent: half. Each key is charged alone, for the whole row if there is one. */
  private async readBatch(command: BatchGetItemCommand): Promise<BatchGetItemCommandOutput> {
    const wanted = command.input.RequestItems?.[this.tableName];
    const whole = await this.client.send(
      new BatchGetItemCommand({ RequestItems: { [this.tableName]: { Keys: wanted?.Keys } } }),
    );
    const rows = whole.Responses?.[this.tableName] ?? [];
    const absent = (wanted?.Keys?.length ?? 0) - rows.length;
    this.charge.rowReads += (rows.reduce((sum, row) => sum + readUnits(row), 0) + absent) / 2;
    return this.client.send(command);
  }

  private async rowOf(command: PutItemCommand | UpdateItemCommand): Promise<Item | undefined> {
    const item = (command instanceof PutItemCommand ? command.input.Item : command.input.Key) ?? {};
    const Key = Object.fromEntries(
      Object.values(TABLE_KEYS).map((name) => [name, item[name] ?? { S: '' }]),
    );
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.tableName, Key, ConsistentRead: true }),
    );
    return Item;
  }
}

const readUnits = (item: Item | undefined): number =>
  Math.max(1, Math.ceil((item ? itemBytes(item) : 0) / BYTES_PER_READ_UNIT));
