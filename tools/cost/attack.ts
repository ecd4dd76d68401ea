import { ENVIRONMENT, INDEXES } from '../../core/names';
import { toItem } from '../../core/transactions/item';
import { EMPTY_ROW, joinPushes } from '../../core/transactions/row-state';
import { type CostLine, sumOf, toCosts } from './lines';
import { PRICES } from './prices';
import { logText } from './push';
import { gigabytesOf, ofType, type Template } from './template';
import { TYPICAL_LINE } from './typical-line';
import { pushOf } from './typical-row';
import { newRow, writeUnitsOf } from './writes';

/** What an attacker sends as fast as the endpoint accepts it. */
interface Attack {
  readonly sender: string;
  /** Milliseconds of a whole processor for a message, measured with the bundle in batches of 50. */
  readonly processorMillis: number;
  /** Calls to DynamoDB of a batch, one after the other. */
  readonly roundTrips: number;
  readonly messageBytes: number;
  /** Messages of a batch that the log names. @default - all */
  readonly loggedPerBatch?: number;
  /** Read units of a batch. */
  readonly readUnits: number;
  /** Write units of a message, in all and in the index `by-day`. */
  readonly writes: { readonly units: number; readonly dayUnits: number };
}

/** What an attack comes to in an hour. */
export interface AttackHour {
  readonly sender: string;
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Messages that the consumer processes. The others wait in the queue. */
  readonly processed: number;
  readonly writeUnits: number;
  /** Milliseconds of the consumer for a thousand messages. */
  readonly millisPerThousand: number;
  /** Seconds of the consumer. */
  readonly seconds: number;
  readonly dollars: number;
}

const HOUR_SECONDS = 3600;
/**
 * Default quotas of AWS, a second: requests of an account, write units of a partition and of a
 * table.
 */
const ACCOUNT_REQUESTS = 10_000;
const PARTITION_UNITS = 1000;
const TABLE_UNITS = 40_000;
/** A Lambda function of this size has a whole processor, a smaller one a share of it. */
const GIGABYTES_OF_A_PROCESSOR = 1769 / 1024;
/** Assumed duration of a call to DynamoDB. */
const ROUND_TRIP_MILLIS = 10;
/** SQS counts a request for every 64 KB, and receives and deletes at most 10 messages in one. */
const QUEUE_CHUNK_BYTES = 65_536;
const MESSAGES_PER_QUEUE_REQUEST = 10;
/** Message of the longest URL that API Gateway accepts. */
const LONGEST_MESSAGE_BYTES = 51_175;
const USUAL_MESSAGE_BYTES = 1000;
/** The first postback of a line, and the others that its row keeps. */
const POSTBACKS_PER_LINE = 6;
/** A rate that `throttling` could set. */
const LOW_RATE = 100;

/** Every field as long as a row keeps it. */
const LONGEST_LINE: Readonly<Record<string, string>> = {
  ...TYPICAL_LINE,
  ...fill(['advertiser_id', 'order_id', 'offer_id', 'sku_number', 'u1'], 'あ'.repeat(85)),
  ...fill(['transaction_type', 'product_name'], 'あ'.repeat(170)),
  ...fill(
    Array.from({ length: 20 }, (_, index) => `parameter-${index}`),
    'x'.repeat(30),
  ),
};

function fill(names: readonly string[], value: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

/** Costs of an hour of each attack. `requestsPerSecond`: by default what the template lets in. */
export function attackHours(
  template: Template,
  requestsPerSecond = rateOf(template),
): AttackHour[] {
  return attacks(template).map((attack) => hourOf(attack, template, requestsPerSecond));
}

export const ATTACK_HEAD = [
  'the attacker knows',
  'GETs/s',
  'GETs',
  'processed',
  'write units',
  'consumer, ms per 1,000',
  'consumer, s',
  '$',
];

/** Cells of the table of attacks, without a limit and with one. */
export function attackCells(template: Template): string[][] {
  const hours = [...attackHours(template), ...attackHours(template, LOW_RATE)];
  return hours.map(
    ({
      sender,
      requestsPerSecond,
      requests,
      processed,
      writeUnits,
      millisPerThousand,
      seconds,
      dollars,
    }) => [
      sender,
      ...[requestsPerSecond, requests, processed, writeUnits, millisPerThousand, seconds].map(
        rounded,
      ),
      dollars.toFixed(2),
    ],
  );
}

/** With three significant digits. */
const rounded = (amount: number): string => Number(amount.toPrecision(3)).toLocaleString('en-US');

function attacks(template: Template): Attack[] {
  return [
    {
      sender: 'the address, GETs of 9 KB',
      processorMillis: 0.65,
      roundTrips: 1,
      messageBytes: LONGEST_MESSAGE_BYTES,
      loggedPerBatch: 3,
      readUnits: 1,
      writes: { units: 0, dayUnits: 0 },
    },
    {
      sender: 'the whole URL, a new line in each GET',
      processorMillis: 1,
      roundTrips: 1,
      messageBytes: USUAL_MESSAGE_BYTES,
      readUnits: 0,
      writes: newRowUnits(template, TYPICAL_LINE),
    },
    {
      sender: 'the whole URL, six GETs of 9 KB for each line',
      processorMillis: 3.1,
      roundTrips: 2,
      messageBytes: LONGEST_MESSAGE_BYTES,
      readUnits: 0,
      writes: longestWrites(template),
    },
  ];
}

function newRowUnits(template: Template, line: Readonly<Record<string, string>>): Attack['writes'] {
  const lines = newRow(template, line);
  const inDayIndex = lines.filter(([, counted]) => counted.startsWith(`index ${INDEXES.byDay},`));
  const sum = (counted: readonly CostLine[]): number =>
    counted.reduce((total, [, , units]) => total + units, 0);
  return { units: sum(lines), dayUnits: sum(inDayIndex) };
}

/**
 * The longest first postback of a line, and the others that its row keeps: a refused put and an
 * update each.
 */
function longestWrites(template: Template): Attack['writes'] {
  const pushes = Array.from({ length: POSTBACKS_PER_LINE }, (_, second) =>
    pushOf({ ...LONGEST_LINE, sale_amount: String(second) }, `2026-04-18T09:31:0${second}.000Z`),
  );
  let row = EMPTY_ROW;
  const sizes = pushes.map(({ key, push }) => {
    row = joinPushes(row, [push]);
    return writeUnitsOf(toItem(key, row, { dayShards: 1 }));
  });
  const others = sizes
    .slice(1)
    .reduce((sum, units, index) => sum + (sizes[index] as number) + units, 0);
  const first = newRowUnits(template, LONGEST_LINE);
  return {
    units: (first.units + others) / POSTBACKS_PER_LINE,
    dayUnits: first.dayUnits / POSTBACKS_PER_LINE,
  };
}

function hourOf(attack: Attack, template: Template, requestsPerSecond: number): AttackHour {
  const { batchSize, maxConcurrency, memory, dayShards } = consumerOf(template);
  const { sender, processorMillis, roundTrips, writes } = attack;
  const processor = Math.min(1, memory / GIGABYTES_OF_A_PROCESSOR);
  const batchSeconds =
    ((batchSize * processorMillis) / processor + roundTrips * ROUND_TRIP_MILLIS) / 1000;
  const perSecond = Math.min(
    requestsPerSecond,
    (maxConcurrency * batchSize) / batchSeconds,
    (dayShards * PARTITION_UNITS) / writes.dayUnits,
    TABLE_UNITS / writes.units,
  );
  const [requests, processed] = [requestsPerSecond * HOUR_SECONDS, perSecond * HOUR_SECONDS];
  // While messages wait, every invocation that is allowed runs.
  const seconds =
    perSecond < requestsPerSecond
      ? maxConcurrency * HOUR_SECONDS
      : (processed / batchSize) * batchSeconds;
  const arriving = sumOf(toCosts(arrival(attack)));
  const processing = sumOf(toCosts(processingOf(attack, batchSize)));
  return {
    sender,
    requestsPerSecond,
    requests,
    processed,
    writeUnits: processed * writes.units,
    millisPerThousand: (1e6 / batchSize) * batchSeconds,
    seconds,
    dollars:
      (requests * arriving + processed * processing) / 1e6 +
      seconds * memory * PRICES.functionSecond.dollars,
  };
}

const arrival = ({ messageBytes }: Attack): CostLine[] => [
  ['API Gateway', 'one GET', 1, PRICES.restRequest],
  ['SQS', 'one send', Math.ceil(messageBytes / QUEUE_CHUNK_BYTES), PRICES.queueRequest],
];

function processingOf(
  { messageBytes, readUnits, loggedPerBatch, writes }: Attack,
  batchSize: number,
): CostLine[] {
  const received = Math.ceil((MESSAGES_PER_QUEUE_REQUEST * messageBytes) / QUEUE_CHUNK_BYTES);
  return [
    ['SQS', 'receive and delete', (received + 1) / MESSAGES_PER_QUEUE_REQUEST, PRICES.queueRequest],
    ['Lambda', 'an invocation', 1 / batchSize, PRICES.functionRequest],
    ['DynamoDB', 'the accepted secrets', readUnits / batchSize, PRICES.readUnit],
    ['DynamoDB', 'rows and index entries', writes.units, PRICES.writeUnit],
    logText(batchSize, loggedPerBatch),
  ];
}

interface ConsumerSettings {
  readonly batchSize: number;
  readonly maxConcurrency: number;
  /** In GB. */
  readonly memory: number;
  readonly dayShards: number;
}

function consumerOf(template: Template): ConsumerSettings {
  const [mapping] = ofType(template, 'AWS::Lambda::EventSourceMapping');
  const consumer = template.Resources[mapping?.Properties.FunctionName.Ref];
  if (mapping === undefined || consumer === undefined)
    throw new Error('the template has no consumer');
  const { BatchSize, ScalingConfig } = mapping.Properties;
  return {
    batchSize: BatchSize,
    maxConcurrency: ScalingConfig.MaximumConcurrency,
    memory: gigabytesOf(consumer),
    dayShards: Number(consumer.Properties.Environment.Variables[ENVIRONMENT.dayShards]),
  };
}

/** Requests a second that the stage lets in. */
function rateOf(template: Template): number {
  const settings = ofType(template, 'AWS::ApiGateway::Stage').flatMap(
    ({ Properties }) => Properties.MethodSettings ?? [],
  );
  return Math.min(
    ACCOUNT_REQUESTS,
    ...settings.flatMap(({ ThrottlingRateLimit }) => ThrottlingRateLimit ?? []),
  );
}
