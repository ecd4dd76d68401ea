import Big from 'big.js';
import { ATTRIBUTES, URL_PARAMETERS } from '../../core/names';
import {
  type FieldList,
  fieldListId,
  isRowField,
  ROW_FIELDS,
  type RowField,
} from '../../core/rakuten/postback/fields';
import type { LineRecord } from '../../fake-rakuten';
import type { ReturnedLine } from '../../fake-rakuten/types';
import { decodeQuery } from '../../local/gateway/query';
import type { Row } from '../../local/verify';
import { withoutFragment } from './endpoint';
import { FIELD_LISTS, SID } from './settings';

/**
 * What a row must show, worked out without the code under test.
 *
 * Keys are Rakuten's fields, values have the row's one form. `sid`, `etransaction_id` and
 * `is_event`
 * are in the key.
 */
export type Shown = { readonly [F in RowField]?: string };

const KEY_FIELDS: readonly RowField[] = ['sid', 'etransaction_id', 'is_event'];
const SHOWN_FIELDS = (Object.keys(ROW_FIELDS) as RowField[]).filter(
  (field) => !KEY_FIELDS.includes(field),
);
/** Fields that a row must show as the Events API returned them to be verified. */
const CHECKED_FIELDS: readonly RowField[] = [
  ...(['sale_amount', 'commissions', 'quantity', 'currency', 'u1'] as const),
  ...(['order_id', 'advertiser_id', 'sku_number', 'transaction_date'] as const),
];
/** From this many digits on a decimal is the noise of a binary float. */
const FLOAT_DIGITS = 15;

/** One record of the Events API: which row it is about, and what that row must show. */
export interface ExpectedAnswer {
  readonly key: string;
  readonly shown: Shown;
  /** False where a checked field or the ID cannot be read, so that the answer verifies nothing. */
  readonly isReadable: boolean;
}

export function expectedAnswer({ line, record }: ReturnedLine): ExpectedAnswer {
  const shown = Object.fromEntries(
    SHOWN_FIELDS.flatMap((field) => {
      const value = oneForm(field, record[field], line[field]);
      return value === undefined ? [] : [[field, value]];
    }),
  );
  const isGarbled = CHECKED_FIELDS.some(
    (field) =>
      (record[field] ?? '').trim() !== '' && shown[field as keyof typeof shown] === undefined,
  );
  const id = (record.etransaction_id ?? '').trim();
  return { key: keyOf(id, record.is_event), shown, isReadable: id !== '' && !isGarbled };
}

/** One GET that carried an accepted secret: which row it is about, and what it says. */
export interface ExpectedPush {
  /** Undefined where the GET has no `etransaction_id`: the key is then a hash. */
  readonly key: string | undefined;
  readonly shown: Shown;
}

/** @param line that Rakuten pushed */
export function expectedPush(url: string, line?: LineRecord): ExpectedPush {
  const parameters = decodeQuery(Buffer.from(withoutFragment(url)).toString('latin1'));
  const fields = fieldsOf(parameters.get(URL_PARAMETERS.fieldList));
  const said = new Map<RowField, string>();
  for (const [name, value] of parameters) {
    const field = fields.get(name) ?? (isRowField(name) ? name : undefined);
    if (field !== undefined) said.set(field, value);
  }
  const id = (said.get('etransaction_id') ?? '').trim();
  const shown = SHOWN_FIELDS.flatMap((field) => {
    const value = oneForm(field, said.get(field), line?.[field]);
    return value === undefined ? [] : [[field, value]];
  });
  return {
    key: id === '' ? undefined : keyOf(id, said.get('is_event')),
    shown: Object.fromEntries(shown),
  };
}

const LISTS = new Map(
  FIELD_LISTS.map((list: FieldList) => [
    fieldListId(list),
    new Map(list.flatMap((p): [string, RowField][] => ('field' in p ? [[p.name, p.field]] : []))),
  ]),
);

const fieldsOf = (id = ''): ReadonlyMap<string, RowField> => LISTS.get(id) ?? new Map();

/** The row of a line as Rakuten holds it. */
export const keyOfLine = ({ sid = SID, etransaction_id = '', is_event }: LineRecord): string =>
  keyOf(etransaction_id, is_event, sid);

/** The partition key and the sort key of a row, with a space between them. */
function keyOf(id: string, isEvent: string | undefined, sid = SID): string {
  const trimmed = id.trim().normalize('NFC');
  const flag = (isEvent ?? '').trim().toUpperCase();
  return `${sid}#${/^[0-9a-f]+$/i.test(trimmed) ? trimmed.toUpperCase() : trimmed} ${FLAGS[flag] ?? '-'}`;
}

const FLAGS: Readonly<Record<string, string>> = { Y: 'Y', TRUE: 'Y', N: 'N', FALSE: 'N' };

/** @param truth what the value is without the noise of a float */
function oneForm(field: RowField, printed = '', truth: string | undefined): string | undefined {
  const text = printed.trim().normalize('NFC');
  if (text === '' || /^<\w+>$/.test(text)) return undefined;
  switch (ROW_FIELDS[field]) {
    case 'decimal':
      return decimal(text, truth);
    case 'date':
      return wholeSecond(text);
    case 'currency':
      return /^[a-z]{3}$/i.test(text) ? text.toUpperCase() : undefined;
    case 'identifier':
      return Buffer.byteLength(text) > 256 ? undefined : text;
    default:
      return text;
  }
}

function decimal(text: string, truth: string | undefined): string | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return undefined;
  const number = new Big(text.replace('+', ''));
  if (number.abs().gt(1e15)) return undefined;
  return (
    number.c.length >= FLOAT_DIGITS && truth !== undefined ? new Big(truth) : number
  ).toFixed();
}

/** Rakuten's times are UTC if they do not say otherwise. Undefined for what `Date` cannot read. */
function wholeSecond(text: string): string | undefined {
  const [, date = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+ -]\d\d:\d\d)?$/.exec(text) ?? [];
  const millis = Date.parse(`${date.replace(' ', 'T')}${zone.replace(' ', '+')}`);
  return Number.isNaN(millis) ? undefined : `${new Date(millis).toISOString().slice(0, 19)}Z`;
}

/** What a row shows of Rakuten's fields. */
export function shownBy(row: Row): Shown {
  const values = SHOWN_FIELDS.flatMap((field) => {
    const attribute = row[field];
    if (attribute === undefined) return [];
    return [
      [field, attribute.N === undefined ? (attribute.S ?? '') : new Big(attribute.N).toFixed()],
    ];
  });
  return Object.fromEntries(values);
}

export const rowKeyOf = (row: Row): string =>
  `${row[ATTRIBUTES.lineId]?.S} ${row[ATTRIBUTES.isEvent]?.S}`;

/** The fields in which a row shows something else. */
export function differences(
  row: Shown,
  expected: Shown,
  among: readonly RowField[] = SHOWN_FIELDS,
): RowField[] {
  return among.filter((field) => row[field] !== expected[field]);
}

/**
 * Whether a row shows an answer: all of it, or with the `u1` of a push where the answer has none.
 */
export function showsAnswer(
  row: Row,
  { shown }: Pick<ExpectedAnswer, 'shown'>,
  among: readonly RowField[] = SHOWN_FIELDS,
): boolean {
  const isMemberPushed = shown.u1 === undefined && row[ATTRIBUTES.u1FromPostback]?.BOOL === true;
  return differences(shownBy(row), shown, among).every((field) => field === 'u1' && isMemberPushed);
}

export const showsCheckedFields = (row: Row, answer: Pick<ExpectedAnswer, 'shown'>): boolean =>
  showsAnswer(row, answer, CHECKED_FIELDS);
