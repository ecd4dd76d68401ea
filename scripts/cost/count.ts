import { PRICES, type Price } from '../../core/prices';
import { TABLE_KEYS } from '../../core/store/keys';
import { type Item, itemBytes } from './item-size';
import { typicalRow } from './typical-row';

/** How the postbacks come. */
export interface Traffic {
  readonly name: string;
  /** Messages that one invocation of the consumer gets. */
  readonly messagesPerBatch: number;
  /** How long an invocation takes. */
  readonly millisPerBatch: number;
}

/** What a share of the bill is of. */
export interface Cost {
  readonly part: string;
  readonly counted: string;
  readonly perPostback: number;
  readonly price: Price;
  /** Dollars per million postbacks. */
  readonly dollars: number;
}

interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is what it is
  readonly Properties: any;
}
export interface Template {
  readonly Resources: Record<string, Resource>;
}

/** SQS hands out and deletes at most so many messages in one request, whatever the batch of the function. */
const MESSAGES_PER_QUEUE_REQUEST = 10;
/** Log text of the consumer: one line for each message, and for each invocation a summary, the counts and what Lambda itself writes (all with CloudWatch's 26 bytes each). */
const LOG_BYTES_PER_MESSAGE = 360;
const LOG_BYTES_PER_BATCH = 1900;
const KILOBYTE = 1024;
const GIGABYTE = 1e9;

/** What one million postbacks cost with the resources of a template. */
export async function costsPerMillion(template: Template, traffic: Traffic): Promise<Cost[]> {
  const { messagesPerBatch, millisPerBatch } = traffic;
  const [mapping] = ofType(template, 'AWS::Lambda::EventSourceMapping');
  const consumer = template.Resources[mapping?.Properties.FunctionName.Ref];
  const [method] = ofType(template, 'AWS::ApiGateway::Method');
  if (mapping === undefined || consumer === undefined || method === undefined)
    throw new Error('the template has no endpoint or no consumer');
  if (messagesPerBatch > mapping.Properties.BatchSize) throw new Error(`a batch has at most ${mapping.Properties.BatchSize} messages here`);

  const perQueueRequest = Math.min(messagesPerBatch, MESSAGES_PER_QUEUE_REQUEST);
  const memory = consumer.Properties.MemorySize / KILOBYTE;
  return toCosts([
    ['API Gateway', 'one GET', 1, PRICES.restRequest],
    ['SQS', 'one send', 1, PRICES.queueRequest],
    ['SQS', `receive and delete, ${perQueueRequest} at once`, 2 / perQueueRequest, PRICES.queueRequest],
    ['Lambda', `an invocation for ${messagesPerBatch}`, 1 / messagesPerBatch, PRICES.functionRequest],
    ['Lambda', `${memory} GB for ${millisPerBatch} ms`, (memory * millisPerBatch) / 1000 / messagesPerBatch, PRICES.functionSecond],
    ...(await writes(template)),
    logText(messagesPerBatch),
  ]);
}

/** Part, what is counted for one postback, how much of it, and its price. */
export type CostLine = readonly [part: string, counted: string, perPostback: number, price: Price];

export const toCosts = (lines: readonly CostLine[]): Cost[] =>
  lines.map(([part, counted, perPostback, price]) => ({ part, counted, perPostback, price, dollars: dollarsOf(perPostback, price) }));

export const logText = (messagesPerBatch: number): CostLine => [
  'CloudWatch Logs',
  'log text of the consumer',
  (LOG_BYTES_PER_MESSAGE + LOG_BYTES_PER_BATCH / messagesPerBatch) / GIGABYTE,
  PRICES.logIngestion,
];

/** A row and its entry in each index that has the row's keys, each in write units of a kilobyte. */
export async function writes(template: Template): Promise<CostLine[]> {
  const row = await typicalRow();
  const table = transactionTable(template);
  const bytes = itemBytes(row);
  const lines: CostLine[] = [['DynamoDB', `the row, ${bytes} bytes`, Math.ceil(bytes / KILOBYTE), PRICES.writeUnit]];
  for (const index of table.Properties.GlobalSecondaryIndexes ?? []) {
    const entry = indexEntry(row, index);
    if (entry === undefined) continue;
    const size = itemBytes(entry);
    lines.push(['DynamoDB', `index ${index.IndexName}, ${size} bytes`, Math.ceil(size / KILOBYTE), PRICES.writeUnit]);
  }
  return lines;
}

interface Index {
  readonly IndexName: string;
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly Projection: { readonly ProjectionType: string; readonly NonKeyAttributes?: readonly string[] };
}

/** What an index holds of a row; nothing when the row lacks one of its keys. */
function indexEntry(row: Item, { KeySchema, Projection }: Index): Item | undefined {
  const keys = KeySchema.map(({ AttributeName }) => AttributeName);
  if (keys.some((key) => row[key] === undefined)) return undefined;
  const carried = [TABLE_KEYS.partition, TABLE_KEYS.sort, ...keys, ...(Projection.NonKeyAttributes ?? [])];
  return Object.fromEntries(Object.entries(row).filter(([name]) => Projection.ProjectionType === 'ALL' || carried.includes(name)));
}

/** How many bytes longer the row may get before it costs another write unit. */
export async function bytesToSpare(): Promise<number> {
  const bytes = itemBytes(await typicalRow());
  return Math.ceil(bytes / KILOBYTE) * KILOBYTE - bytes;
}

/** Dollars a month for keeping a million rows, with point-in-time recovery where the table has it. */
export async function keepingAMillionRows(template: Template): Promise<number> {
  const row = await typicalRow();
  const table = transactionTable(template);
  const entries = (table.Properties.GlobalSecondaryIndexes ?? []).map((index: Index) => indexEntry(row, index));
  // DynamoDB adds about 100 bytes to each item it keeps.
  const sizes = [row, ...entries.filter((entry: Item | undefined) => entry !== undefined)].map((item: Item) => itemBytes(item) + 100);
  const gigabytes = (1e6 * sizes.reduce((sum, size) => sum + size, 0)) / GIGABYTE;
  const recoverable = table.Properties.Replicas?.[0]?.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled === true;
  return gigabytes * (PRICES.tableStorage.dollars + (recoverable ? PRICES.tableRecovery.dollars : 0));
}

export const numberOf = (template: Template, type: string): number => ofType(template, type).length;

const ofType = (template: Template, type: string): Resource[] => Object.values(template.Resources).filter(({ Type }) => Type === type);

function transactionTable(template: Template): Resource {
  const table = ofType(template, 'AWS::DynamoDB::GlobalTable').find(
    ({ Properties }) => Properties.KeySchema[0].AttributeName === TABLE_KEYS.partition,
  );
  if (table === undefined) throw new Error('the template has no transaction table');
  return table;
}

const dollarsOf = (perPostback: number, { dollars, unit }: Price): number =>
  perPostback * 1e6 * (unit.startsWith('a million ') ? dollars / 1e6 : dollars);
