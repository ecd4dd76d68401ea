import { URL_PARAMETERS } from '../../names';
import { sha256 } from '../../sha256';

/** How a field's value is read. */
export type FieldKind = 'flag' | 'identifier' | 'text' | 'currency' | 'decimal' | 'date';

/**
 * The fields that a postback URL can ask for by `<token>`: the sixteen that Rakuten's Cancellation
 * Events page writes as tokens, in the order in which a URL asks for them by default.
 * `product_name` stands last, so that an `&` that Rakuten did not escape in it cannot eat another
 * field (whether Rakuten escapes values is not documented).
 */
export const POSTBACK_FIELDS = {
  is_event: 'flag',
  etransaction_id: 'identifier',
  sid: 'identifier',
  advertiser_id: 'identifier',
  order_id: 'identifier',
  offer_id: 'identifier',
  transaction_type: 'text',
  transaction_date: 'date',
  process_date: 'date',
  currency: 'currency',
  sale_amount: 'decimal',
  commissions: 'decimal',
  quantity: 'decimal',
  sku_number: 'identifier',
  u1: 'identifier',
  product_name: 'text',
} as const satisfies Record<string, FieldKind>;

export type PostbackField = keyof typeof POSTBACK_FIELDS;

/**
 * Fields that only the Events API is known to send. They are kept when they come, but a URL cannot
 * ask for them.
 */
export const EVENTS_API_ONLY_FIELDS = {
  commissions_list_id: 'identifier',
  order_auto_lock_date: 'text',
  lock_status: 'text',
} as const satisfies Record<string, FieldKind>;

/** Every Rakuten field a row can have. */
export const ROW_FIELDS = { ...POSTBACK_FIELDS, ...EVENTS_API_ONLY_FIELDS } as const;
export type RowField = keyof typeof ROW_FIELDS;

/**
 * Other spellings of a field seen in Rakuten's guide and in third-party code, and the field they
 * mean.
 */
export const FIELD_ALIASES: Readonly<Record<string, RowField>> = {
  commission_list_id: 'commissions_list_id',
  offer: 'offer_id',
};

/** What makes a line the line it is; in every URL unless the exact subset is asked for. */
export const IDENTITY_FIELDS = [
  'is_event',
  'etransaction_id',
  'sid',
  'advertiser_id',
  'order_id',
] as const satisfies readonly PostbackField[];

/** What the key of a row is made of, the publisher apart. A URL without them is not reconciled. */
export const KEY_FIELDS = [
  'etransaction_id',
  'is_event',
] as const satisfies readonly PostbackField[];

export const isPostbackField = (name: string): name is PostbackField =>
  Object.hasOwn(POSTBACK_FIELDS, name);
export const isRowField = (name: string): name is RowField => Object.hasOwn(ROW_FIELDS, name);

/**
 * One parameter of the registered URL: a Rakuten field under a name of choice, or a static value.
 */
export type UrlParameter =
  | { readonly name: string; readonly field: PostbackField }
  | { readonly name: string; readonly value: string };

/**
 * The parameters of the registered URL in their order, without the secret and the field list id.
 */
export type FieldList = readonly UrlParameter[];

/** Every field under Rakuten's own name. */
export const ALL_FIELDS: FieldList = (Object.keys(POSTBACK_FIELDS) as PostbackField[]).map(
  (field) => ({ name: field, field }),
);

/**
 * A short, stable name of a field list, sent back by every postback that was registered with it.
 */
export function fieldListId(fields: FieldList): string {
  const canonical = JSON.stringify(
    fields.map((p) => ('field' in p ? [p.name, p.field] : [p.name, null, p.value])),
  );
  return sha256(canonical).slice(0, 8);
}

/** Names a field list may not use: they carry our own parameters. */
export const RESERVED_PARAMETER_NAMES: readonly string[] = Object.values(URL_PARAMETERS);

/** Reads a field list that was serialised with `JSON.stringify`. Throws when it is not one. */
export function parseFieldList(json: string): FieldList {
  const value: unknown = JSON.parse(json);
  if (!Array.isArray(value) || !value.every(isUrlParameter)) {
    throw new Error(
      'not a field list: expected a JSON array of {"name", "field"} or {"name", "value"}',
    );
  }
  return value;
}

function isUrlParameter(value: unknown): value is UrlParameter {
  if (typeof value !== 'object' || value === null) return false;
  const { name, field, value: text } = value as Record<string, unknown>;
  if (typeof name !== 'string' || name === '') return false;
  return typeof field === 'string' ? isPostbackField(field) : typeof text === 'string';
}

/** Why a field could not be read, in words. */
export interface ParseProblem {
  readonly field: RowField;
  readonly reason: string;
}

/**
 * Kind of a line.
 *
 * - `preliminary`: an event (`is_event` is `Y`). Rakuten pays nothing for it. If a confirmed line
 *   follows, that is another line.
 * - `sale`: a confirmed line (`is_event` is `N`) that is not negative.
 * - `return`: a confirmed negative line: a return, a cancellation or a correction downwards.
 * - `adjustment`: a confirmed negative line that is no return, such as the `DISCOUNT` line of a
 *   coupon, or a line that takes such a line back.
 * - `unknown`: `is_event`, both amounts, or the `etransaction_id` that the URL asks for are missing
 *   or unreadable. Such a line is in no sum.
 */
export type TransactionKind = 'preliminary' | 'sale' | 'return' | 'adjustment' | 'unknown';
