import type { ATTRIBUTES } from '../names';
import type { RowField } from '../rakuten/fields';

/**
 * A transaction line as Rakuten described it, read but not yet a row. Keys are Rakuten's field names; a field that was empty,
 * unsubstituted (`<u1>`) or unreadable is absent. Decimals are exact, in plain notation (`-180`, `0.5996999931335449`); dates are
 * ISO 8601 UTC with milliseconds; `is_event` is `Y` or `N`.
 */
export type LineFields = { readonly [F in RowField]?: string };

/** One content that was delivered under a key. */
export interface LineVersion {
  readonly fields: LineFields;
  /** Static values and undocumented parameters, as they came. */
  readonly extra: Readonly<Record<string, string>>;
  /** What could not be read, in words. */
  readonly parseProblems: readonly string[];
  /** The normalised query string, or the Events API's record as JSON; without our secret. */
  readonly query: string;
  readonly requestId: string;
  /** ISO 8601 UTC with milliseconds. */
  readonly receivedAt: string;
}

/**
 * Attributes of an item in the transaction table, as DynamoDB stores them: Rakuten's fields under their own names
 * (decimals as `N`, everything else as `S`) and ours from `ATTRIBUTES`.
 */
export type RowAttribute = RowField | (typeof ATTRIBUTES)[keyof typeof ATTRIBUTES];
