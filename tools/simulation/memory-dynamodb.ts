import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/embedded/clients';
import { condition, type Item, type Placeholders, update } from './expressions';
import { keyOf, missing, Table } from './memory-table';

/** A client of the SDK that sends nothing: its subclasses answer the commands. */
export abstract class OfflineClient extends DynamoDBClient {
  public constructor() {
    super({ region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS, endpoint: 'http://127.0.0.1:9' });
  }

  /** Answers a command of the SDK. */
  public abstract execute(command: unknown): Promise<unknown>;

  // biome-ignore lint/suspicious/noExplicitAny: the SDK has one overload for each command
  public override send(command: any): Promise<any> {
    return this.execute(command);
  }
}

/**
 * DynamoDB in this process's memory: tables, indexes, conditions and pages as this project uses
 * them, and an error for everything else.
 *
 * An embedded server takes a hundred times as long, and a campaign has millions of calls. Like AWS,
 * it returns the item that a condition failed on.
 */
export class MemoryDynamoDb extends OfflineClient {
  private readonly tables = new Map<string, Table>();

  public override async execute(command: unknown): Promise<unknown> {
    if (command instanceof CreateTableCommand) return this.createTable(command.input);
    if (command instanceof PutItemCommand) return this.put(command.input.Item ?? {}, command.input);
    if (command instanceof UpdateItemCommand)
      return this.update(command.input.Key ?? {}, command.input);
    if (command instanceof DeleteItemCommand)
      return this.remove(command.input.Key ?? {}, command.input);
    if (command instanceof GetItemCommand) {
      const { TableName, Key = {} } = command.input;
      const table = this.table(TableName);
      return { Item: table.items.get(table.id(Key)) };
    }
    if (command instanceof BatchGetItemCommand)
      return this.batchGet(command.input.RequestItems ?? {});
    if (command instanceof QueryCommand) return this.query(command.input);
    if (command instanceof ScanCommand) {
      const table = this.table(command.input.TableName);
      return page([...table.items.values()], table, command.input, (item) => item);
    }
    throw new Error(`the in-memory DynamoDB does not know ${(command as object).constructor.name}`);
  }

  private createTable(input: CreateTableCommandInput): object {
    this.tables.set(input.TableName ?? '', new Table(input));
    return {};
  }

  private table(name: string | undefined): Table {
    return this.tables.get(name ?? '') ?? missing(`table ${name}`);
  }

  private put(item: Item, input: ConditionalInput): object {
    const table = this.table(input.TableName);
    const id = table.id(item);
    check(table.items.get(id), input);
    table.write(id, stored(item));
    return {};
  }

  private update(
    key: Item,
    input: ConditionalInput & { readonly UpdateExpression?: string },
  ): object {
    const table = this.table(input.TableName);
    const id = table.id(key);
    const old = table.items.get(id);
    check(old, input);
    table.write(id, stored(update(input.UpdateExpression ?? '')(old ?? key, placeholders(input))));
    return {};
  }

  private remove(key: Item, input: ConditionalInput): object {
    const table = this.table(input.TableName);
    const id = table.id(key);
    check(table.items.get(id), input);
    table.write(id, undefined);
    return {};
  }

  private batchGet(
    requests: Readonly<Record<string, { readonly Keys?: readonly Item[] }>>,
  ): object {
    const responses = Object.entries(requests).map(([name, { Keys = [] }]) => {
      const table = this.table(name);
      return [
        name,
        Keys.map((key) => table.items.get(table.id(key))).filter((item) => item !== undefined),
      ] as const;
    });
    return { Responses: Object.fromEntries(responses), UnprocessedKeys: {} };
  }

  private query(input: QueryCommandInput): object {
    const table = this.table(input.TableName);
    const index = table.index(input.IndexName);
    const isWanted = condition(input.KeyConditionExpression ?? '');
    const inputs = placeholders(input);
    const items = index
      .of(partitionAsked(input, index.keys.partition))
      .filter((item) => isWanted(item, inputs));
    if (input.ScanIndexForward === false) items.reverse();
    const filter =
      input.FilterExpression === undefined ? () => true : condition(input.FilterExpression);
    return page(items, table, input, (item) => {
      const shown = index.shown(item);
      return filter(shown, inputs) ? shown : undefined;
    });
  }
}

interface ConditionalInput extends ExpressionInput {
  readonly TableName?: string;
  readonly ConditionExpression?: string;
  readonly ReturnValuesOnConditionCheckFailure?: string;
}

interface ExpressionInput {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, AttributeValue>>;
}

const placeholders = ({
  ExpressionAttributeNames: names,
  ExpressionAttributeValues: values,
}: ExpressionInput): Placeholders => ({
  names,
  values,
});

function check(item: Item | undefined, input: ConditionalInput): void {
  if (
    input.ConditionExpression === undefined ||
    condition(input.ConditionExpression)(item, placeholders(input))
  )
    return;
  throw new ConditionalCheckFailedException({
    $metadata: { httpStatusCode: 400 },
    message: 'The conditional request failed',
    ...(input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' ? { Item: item } : {}),
  });
}

/** The value that the key condition asks of the partition key. */
function partitionAsked(input: QueryCommandInput, partition: string): string {
  for (const [, name = '', value = ''] of (input.KeyConditionExpression ?? '').matchAll(
    /([#\w]+) = (:\w+)/g,
  )) {
    if ((input.ExpressionAttributeNames?.[name] ?? name) === partition)
      return input.ExpressionAttributeValues?.[value]?.S ?? '';
  }
  return missing(`value of ${partition} in "${input.KeyConditionExpression}"`);
}

interface PageInput {
  readonly ExclusiveStartKey?: Item;
  readonly Limit?: number;
  readonly Select?: string;
}

function page(
  items: readonly Item[],
  table: Table,
  { ExclusiveStartKey, Limit = items.length, Select }: PageInput,
  show: (item: Item) => Item | undefined,
): object {
  const after = ExclusiveStartKey === undefined ? undefined : table.id(ExclusiveStartKey);
  const first = after === undefined ? 0 : items.findIndex((item) => table.id(item) === after) + 1;
  const read = items.slice(first, first + Limit);
  const shown = read.map(show).filter((item) => item !== undefined);
  // As in DynamoDB, a page that is full may be the last one.
  const last = read.length === Limit && Limit < items.length ? read.at(-1) : undefined;
  return {
    Items: Select === 'COUNT' ? undefined : shown,
    Count: shown.length,
    LastEvaluatedKey: last && keyOf(last, table.keys),
  };
}

/** As DynamoDB gives an item back: numbers in its notation, nothing that is undefined. */
function stored(item: Item): Item {
  return Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, storedValue(value)]],
    ),
  );
}

/** What is written otherwise than DynamoDB writes it: a zero too many, an exponent. */
const UNUSUAL_NUMBER = /^-?0\d|\.\d*0$|[eE+]|^-0$/;

function storedValue(value: AttributeValue): AttributeValue {
  if (value.N !== undefined)
    return UNUSUAL_NUMBER.test(value.N) ? { N: new Big(value.N).toFixed() } : value;
  if (value.L !== undefined) return { L: value.L.map(storedValue) };
  if (value.M !== undefined) return { M: stored(value.M) as Record<string, AttributeValue> };
  return value;
}
