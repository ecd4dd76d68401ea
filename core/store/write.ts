import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, SOURCES } from '../names';
import { canonicalNumber, type Item } from './attributes';
import { fromItem, OWN_ATTRIBUTES, toItem } from './item';
import { type RowKey, rowKey } from './keys';
import { type DeliveredLine, join, type LineState, stateOf, supersededCount } from './merge';

/**
 * What a delivery did to the table: made a row (`stored`), brought nothing new (`duplicate`), confirmed or completed a row (`completed`),
 * or brought other values for a known line (`changed`; both are kept).
 */
export type WriteOutcome = 'stored' | 'duplicate' | 'completed' | 'changed';

/** How often a write is tried that another writer of the same row got ahead of. Each loss means the other made progress, so few are ever needed. */
const MAX_TRIES = 10;

/** Writes lines to the transaction table, each exactly once. One write unit per KB for a new line; a redelivery costs the one refused write. */
export class TransactionWriter {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
    private readonly dayShards: number,
    private readonly expirySeconds?: number,
  ) {}

  /** Joins a delivered line into the table. Throws DynamoDB's errors; the line may then be written again. */
  async write(line: DeliveredLine): Promise<WriteOutcome> {
    const key = rowKey(line.fields, line.problems);
    const delivered = stateOf(line);
    const item = toItem(key, delivered, this.dayShards, this.expirySeconds);
    // What the Events API tells is as a rule there already, and a read costs a fifth of a refused write.
    let existing = line.source === SOURCES.eventsApi ? await this.read(key) : undefined;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (existing === undefined) {
        const refusal = await this.putNew(item);
        if (refusal === undefined) return 'stored';
        existing = refusal.Item ?? (await this.read(key));
        // The row went away in between: then it is new after all.
        if (existing === undefined) continue;
      }
      const outcome = await this.joinInto(key, existing, delivered);
      if (outcome !== undefined) return outcome;
      existing = await this.read(key);
    }
    throw new Error(`the row was changed by others ${MAX_TRIES} times while it was written`);
  }

  /** Joins into the row as it was read; nothing when it has been changed since. */
  private async joinInto(key: RowKey, existing: Item, delivered: LineState): Promise<WriteOutcome | undefined> {
    // A row without this attribute was begun by the application: its attributes stay, but it says nothing about the line.
    const known = existing[ATTRIBUTES.receivedAt] === undefined ? undefined : fromItem(existing);
    const joined = known === undefined ? delivered : join(known, delivered);
    const changes = differences(existing, toItem(key, joined, this.dayShards, this.expirySeconds));
    if (changes.length === 0) return 'duplicate';
    if (!(await this.update(key, existing, changes))) return undefined;
    if (known === undefined) return 'stored';
    return supersededCount(joined) > supersededCount(known) ? 'changed' : 'completed';
  }

  /** Puts the item unless its key is taken; then the refusal, which on AWS (not on every emulator) carries the row that is there. */
  private async putNew(item: Item): Promise<ConditionalCheckFailedException | undefined> {
    try {
      await this.client.send(
        new PutItemCommand({
          TableName: this.tableName,
          Item: item,
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': ATTRIBUTES.orderKey },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return error;
      throw error;
    }
  }

  private async read(key: RowKey): Promise<Item | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({
        TableName: this.tableName,
        Key: { [ATTRIBUTES.orderKey]: { S: key.orderKey }, [ATTRIBUTES.lineKey]: { S: key.lineKey } },
        ConsistentRead: true,
      }),
    );
    return Item;
  }

  /** Applies the changes if the row is still as it was read. Attributes that are not ours stay as they are. */
  private async update(key: RowKey, existing: Item, changes: readonly Change[]): Promise<boolean> {
    const expression = new ExpressionBuilder();
    const set: string[] = [];
    const remove: string[] = [];
    for (const { name, value } of changes) {
      if (value === undefined) remove.push(expression.name(name));
      else set.push(`${expression.name(name)} = ${expression.value(value)}`);
    }
    const unchanged = OWN_ATTRIBUTES.flatMap((name) => {
      const before = existing[name];
      if (before === undefined) return [`attribute_not_exists(${expression.name(name)})`];
      // Lists and maps are not compared: `revision` stands for them.
      return isDocument(before) ? [] : [`${expression.name(name)} = ${expression.value(before)}`];
    });
    try {
      await this.client.send(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: { [ATTRIBUTES.orderKey]: { S: key.orderKey }, [ATTRIBUTES.lineKey]: { S: key.lineKey } },
          UpdateExpression: [clause('SET', set), clause('REMOVE', remove)].flat().join(' '),
          ConditionExpression: unchanged.join(' AND '),
          ExpressionAttributeNames: expression.names,
          ExpressionAttributeValues: expression.values,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

interface Change {
  readonly name: string;
  /** Absent: the attribute goes. */
  readonly value?: AttributeValue;
}

const isDocument = ({ L, M }: AttributeValue): boolean => L !== undefined || M !== undefined;

const clause = (keyword: string, parts: readonly string[]): string[] => (parts.length === 0 ? [] : [`${keyword} ${parts.join(', ')}`]);

function differences(existing: Item, wanted: Item): Change[] {
  return OWN_ATTRIBUTES.filter((name) => canonical(existing[name]) !== canonical(wanted[name])).map((name) => ({
    name,
    value: wanted[name],
  }));
}

/** Text that is equal exactly when two attributes are: maps are compared whatever the order of their keys, numbers by value. */
function canonical(attribute: AttributeValue | undefined): string {
  if (attribute === undefined) return '';
  if (attribute.N !== undefined) return `N${canonicalNumber(attribute.N)}`;
  if (attribute.L !== undefined) return `L[${attribute.L.map(canonical).join(',')}]`;
  if (attribute.M !== undefined) {
    const entries = Object.entries(attribute.M).sort(([a], [b]) => (a < b ? -1 : 1));
    return `M{${entries.map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`).join(',')}}`;
  }
  return `S${JSON.stringify(attribute.S)}`;
}

/** Hands out the placeholders that DynamoDB's expressions need for names and values. */
class ExpressionBuilder {
  readonly names: Record<string, string> = {};
  readonly values: Record<string, AttributeValue> = {};
  private readonly known = new Map<string, string>();

  name(attribute: string): string {
    const placeholder = this.known.get(attribute) ?? `#${this.known.size}`;
    this.known.set(attribute, placeholder);
    this.names[placeholder] = attribute;
    return placeholder;
  }

  value(value: AttributeValue): string {
    const placeholder = `:${Object.keys(this.values).length}`;
    this.values[placeholder] = value;
    return placeholder;
  }
}
