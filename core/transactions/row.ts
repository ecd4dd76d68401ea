import type { ParseProblem } from '../rakuten/postback/fields';
import { KEY_FIELDS, ROW_FIELDS, type RowField } from '../rakuten/postback/fields';

/**
 * A transaction line as Rakuten described it. Keys are Rakuten's field names. A field that was
 * empty, unsubstituted (`<u1>`) or unreadable is absent. Every value has one form: decimals in
 * plain notation (`-180`), times in whole seconds (`2026-03-13T18:02:43Z`), text trimmed and in
 * NFC.
 */
export type LineFields = { readonly [F in RowField]?: string };

/** What one delivery says about a line. */
export interface LineContent {
  readonly fields: LineFields;
  /** What was there and could not be read. */
  readonly problems: readonly ParseProblem[];
  /** Static values and parameters that Rakuten does not document. */
  readonly extra: Readonly<Record<string, string>>;
  /** True where an answer named a member that was forgotten. */
  readonly memberForgotten?: boolean;
}

/**
 * What money depends on, and what says which line it is. A row is verified only while the Events
 * API returns these as the row shows them.
 */
export const CHECKED_FIELDS = [
  'sale_amount',
  'commissions',
  'quantity',
  'currency',
  'u1',
  'order_id',
  'advertiser_id',
  'sku_number',
  'transaction_date',
] as const satisfies readonly RowField[];

/** Fields that the key of a row holds, so that no attribute repeats them. */
const FIELDS_OF_KEY: readonly RowField[] = ['sid', ...KEY_FIELDS];

/** Rakuten's fields that are attributes of their own, in the order in which a row shows them. */
export const STORED_FIELDS = (Object.keys(ROW_FIELDS) as RowField[]).filter(
  (field) => !FIELDS_OF_KEY.includes(field),
);
