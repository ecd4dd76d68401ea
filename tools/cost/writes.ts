import { TABLE_KEYS } from '../../core/transactions/keys';
import { type Item, itemBytes } from './item-size';
import type { CostLine } from './lines';
import { PRICES } from './prices';
import { type Template, transactionTable } from './template';
import { TYPICAL_LINE } from './typical-line';
import { rowsOf } from './typical-row';

const BYTES_PER_WRITE_UNIT = 1024;
const GIGABYTE = 1e9;
/** DynamoDB adds about 100 bytes to each item that it stores. */
const OVERHEAD_BYTES = 100;

interface Index {
  readonly IndexName: string;
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly Projection: {
    readonly ProjectionType: string;
    readonly NonKeyAttributes?: readonly string[];
  };
}

const indexesOf = (template: Template): Index[] =>
  transactionTable(template).Properties.GlobalSecondaryIndexes ?? [];

/** What an index has of a row. Nothing if the row lacks one of its keys. */
function indexEntry(row: Item, { KeySchema, Projection }: Index): Item | undefined {
  const keys = KeySchema.map(({ AttributeName }) => AttributeName);
  if (keys.some((key) => row[key] === undefined)) return undefined;
  const kept = [
    TABLE_KEYS.partition,
    TABLE_KEYS.sort,
    ...keys,
    ...(Projection.NonKeyAttributes ?? []),
  ];
  return Object.fromEntries(
    Object.entries(row).filter(
      ([name]) => Projection.ProjectionType === 'ALL' || kept.includes(name),
    ),
  );
}

/** The index entry of the typical verified row; undefined if the table lacks the index. */
export function entryOf(template: Template, name: string): Item | undefined {
  const index = indexesOf(template).find(({ IndexName }) => IndexName === name);
  return index && indexEntry(rowsOf().verified, index);
}

/** Write units of a new row and of its entry in each index. */
export function newRow(
  template: Template,
  line: Readonly<Record<string, string>> = TYPICAL_LINE,
): CostLine[] {
  const { pushed } = rowsOf(line);
  return [
    unitsLine('the row', pushed),
    ...indexesOf(template).flatMap((index) =>
      entryLine(index, undefined, indexEntry(pushed, index)),
    ),
  ];
}

/** Write units of the confirmation: of the row, and of each index whose entry changes. */
export function confirmation(template: Template): CostLine[] {
  const { pushed, verified } = rowsOf();
  return [
    unitsLine('confirmation of the row', verified),
    ...indexesOf(template).flatMap((index) =>
      entryLine(index, indexEntry(pushed, index), indexEntry(verified, index), 'confirmation in '),
    ),
  ];
}

const unitsLine = (what: string, item: Item): CostLine => [
  'DynamoDB',
  `${what}, ${itemBytes(item)} bytes`,
  writeUnitsOf(item),
  PRICES.writeUnit,
];

export const writeUnitsOf = (item: Item): number =>
  Math.ceil(itemBytes(item) / BYTES_PER_WRITE_UNIT);

function entryLine(
  { IndexName }: Index,
  before: Item | undefined,
  after: Item | undefined,
  what = '',
): CostLine[] {
  if (after === undefined || JSON.stringify(before) === JSON.stringify(after)) return [];
  return [unitsLine(`${what}index ${IndexName}`, after)];
}

/** Bytes by which the typical row may grow until its writes cost another unit. */
export function bytesToSpare(): { readonly push: number; readonly confirmation: number } {
  const { pushed, verified } = rowsOf();
  const left = (item: Item): number =>
    BYTES_PER_WRITE_UNIT - (itemBytes(item) % BYTES_PER_WRITE_UNIT);
  return { push: left(pushed), confirmation: left(verified) };
}

/** Dollars a month for a million rows, with point-in-time recovery if the table has it. */
export function keepingAMillionRows(template: Template): number {
  const { verified } = rowsOf();
  const entries = indexesOf(template).map((index) => indexEntry(verified, index));
  const bytes = [verified, ...entries].reduce(
    (sum, item) => sum + (item === undefined ? 0 : itemBytes(item) + OVERHEAD_BYTES),
    0,
  );
  const { Replicas } = transactionTable(template).Properties;
  const isRecoverable =
    Replicas?.[0]?.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled === true;
  return (
    ((1e6 * bytes) / GIGABYTE) *
    (PRICES.tableStorage.dollars + (isRecoverable ? PRICES.tableRecovery.dollars : 0))
  );
}
