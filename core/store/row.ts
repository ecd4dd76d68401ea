import type { RowField } from '../rakuten/fields';

/**
 * A transaction line as Rakuten described it, read but not yet a row. Keys are Rakuten's field names; a field that was empty,
 * unsubstituted (`<u1>`) or unreadable is absent. Decimals are exact, in plain notation (`-180`, `0.5996999931335449`); dates are
 * ISO 8601 UTC with milliseconds; `is_event` is `Y` or `N`.
 */
export type LineFields = { readonly [F in RowField]?: string };
