import { ALL_FIELDS, type FieldList } from '../../core/rakuten/postback/fields';
import type { ReconciliationSettings } from '../../core/reconciliation/window';
import type { WatchSettings } from '../../core/status-watch/record';

/** What the construct sets on AWS. A test compares it with the synthesized template. */
export const AS_DEPLOYED = {
  batchSize: 50,
  batchingWindowMillis: 1_000,
  /** The consumer's. */
  timeoutMillis: 30_000,
  maxConcurrency: 10,
  visibilityTimeoutMillis: 181_000,
  maxReceiveCount: 5,
  dayShards: 1,
} as const;

/** The campaign of the promise: a month of a busy publisher. */
export const LONG = { days: 30, lines: 100_000 } as const;
/** The one that runs with the tests. */
export const SHORT = { days: 3, lines: 1_500 } as const;

export const TABLES = { transactions: 'transactions', state: 'state' } as const;

export const SID = '3900112';
/** A publisher of another installation whose lines some tokens cover too. */
export const OTHER_SID = '3900999';

export const RECONCILIATION: ReconciliationSettings = {
  hourlyWindowSeconds: 3 * 3600,
  dailyWindowSeconds: 29 * 86_400,
  backfillSeconds: 29 * 86_400,
  unverifiedAfterSeconds: 24 * 3600,
};

export const WATCH: WatchSettings = {
  onTakeover: 'REPORT',
  selfProbe: true,
  flappingAfter: 3,
  flappingWindowSeconds: 24 * 3600,
  reconciliationFunction: 'reconciliation',
};

/**
 * Field lists to deploy: all fields, renamed fields with static values, and the least that
 * identifies a line.
 */
export const FIELD_LISTS: readonly FieldList[] = [
  ALL_FIELDS,
  [
    ...ALL_FIELDS.filter(({ name }) => name !== 'u1' && name !== 'sale_amount'),
    { name: 'unique_id', field: 'u1' },
    { name: 'amount', field: 'sale_amount' },
    { name: 'source', value: 'rakuten & co' },
  ],
  [
    ...ALL_FIELDS.filter(
      (p) =>
        'field' in p &&
        ['is_event', 'etransaction_id', 'advertiser_id', 'order_id', 'sale_amount', 'u1'].includes(
          p.field,
        ),
    ),
    { name: 'v', value: '2' },
  ],
];

/** Of the static values in them. */
export const STATIC_NAMES: readonly string[] = FIELD_LISTS.flat().flatMap((parameter) =>
  'value' in parameter ? [parameter.name] : [],
);
