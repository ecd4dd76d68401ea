import type { RowField } from '../core/rakuten/postback/fields';
import type { Charset } from './charsets';
import type { Random } from './random';

/** The interface that prints a value: the postback URL or the Events API. */
export type Side = 'push' | 'events-api';

/**
 * Values that one interface lacks or garbles for a part of the lines.
 *
 * The same lines at every call.
 */
export interface GarbledFields {
  readonly side: Side;
  readonly fields: readonly RowField[];
  /** Part of the lines, 0 to 1. */
  readonly share: number;
  /** Hours after `process_date` until the interface prints them. @default - it never does */
  readonly hours?: number;
  /**
   * Printed in their place. @default - nothing; `?` for `is_event`; `n/a` for unreadable amounts
   */
  readonly value?: string;
}

/**
 * How Rakuten treats one publisher where its documentation is silent.
 *
 * A mode changes what an interface prints or returns. It never changes the ledger.
 */
export interface Modes {
  /** How often values are escaped in the postback URL. @default 'once' */
  readonly escaping: 'once' | 'never' | 'twice';
  /** Character set of the bytes in the postback URL. @default 'utf-8' */
  readonly charset: Charset;
  /** Who writes `&amp;` for `&` and `&eacute;` for `é` in text. */
  readonly htmlEntities: readonly Side[];
  /** Who decomposes accents (NFD). */
  readonly decomposed: readonly Side[];
  /** Who writes transaction ID, order ID and SKU in lower case. */
  readonly lowerCaseIds: readonly Side[];
  /** Who writes spaces around IDs. */
  readonly paddedIds: readonly Side[];
  /** Who writes numeric IDs as `123.0`. */
  readonly floatIds: readonly Side[];
  /** Who prints amounts as binary floats: `34.9900016784668`. */
  readonly floatAmounts: readonly Side[];
  /** Whether pushes carry Tokyo times without a zone, nine hours ahead of UTC. @default false */
  readonly localTimes: boolean;
  /** Identity fields that one interface leaves blank. An unreadable `is_event` is `?`. */
  readonly blank?: GarbledFields;
  /** Amounts that one interface prints as `n/a`. */
  readonly unreadable?: GarbledFields;
  /** How many days the Events API returns a line. @default - for ever */
  readonly retentionDays?: number;
  /** The same for events (`Y`). 0: it never returns them. @default - as `retentionDays` */
  readonly eventRetentionDays?: number;
  /**
   * A part of the lines (0 to 1) that the Events API omits: others for each seed. @default - none
   */
  readonly hidden?: { readonly share: number; readonly seed: number };
  /** Hours after `process_date` until the Events API knows `u1`. @default 0 */
  readonly memberAfterHours: number | 'never';
  /**
   * Other publishers whose lines the Events API returns to this one, as for a token that covers
   * both.
   */
  readonly alsoReturns: readonly string[];
  /**
   * Part of the lines whose ID Rakuten later gives to another line.
   *
   * For a program that makes lines.
   */
  readonly reusedIds: number;
  /** Part of the confirmed lines that the advertiser eliminates. For a program that makes lines. */
  readonly eliminated: number;
}

export const DEFAULT_MODES: Modes = {
  escaping: 'once',
  charset: 'utf-8',
  htmlEntities: [],
  decomposed: [],
  lowerCaseIds: [],
  paddedIds: [],
  floatIds: [],
  floatAmounts: [],
  localTimes: false,
  memberAfterHours: 0,
  alsoReturns: [],
  reusedIds: 0,
  eliminated: 0,
};

/** How likely an account has a certain mode. */
const LIKELY = 0.25;
const IDENTITY: readonly RowField[] = [
  'etransaction_id',
  'order_id',
  'advertiser_id',
  'sku_number',
  'u1',
  'is_event',
];
const AMOUNTS: readonly RowField[] = ['sale_amount', 'commissions', 'quantity'];

/**
 * Draws the modes of one publisher. `hidden` is never drawn: it is a fault that lasts for hours.
 *
 * @param otherSids publishers whose lines its Events API may return too
 */
export function drawModes(random: Random, otherSids: readonly string[] = []): Modes {
  const maybe = <T>(value: () => T, otherwise: T): T =>
    random.chance(LIKELY) ? value() : otherwise;
  const sides = (): readonly Side[] =>
    maybe<readonly Side[]>(
      () => random.pick<readonly Side[]>([['push'], ['events-api'], ['push', 'events-api']]),
      [],
    );
  const side = (): Side => random.pick(['push', 'events-api'] as const);
  const retentionDays = maybe<number | undefined>(() => random.integer(7, 30), undefined);
  return {
    escaping: maybe(() => random.pick(['never', 'twice'] as const), 'once'),
    charset: maybe(() => random.pick(['iso-8859-1', 'shift_jis', 'euc-jp'] as const), 'utf-8'),
    htmlEntities: sides(),
    decomposed: sides(),
    lowerCaseIds: sides(),
    paddedIds: sides(),
    floatIds: sides(),
    floatAmounts: sides(),
    localTimes: random.chance(LIKELY),
    blank: maybe<GarbledFields | undefined>(
      () => ({
        side: side(),
        fields: random.shuffle(IDENTITY).slice(0, random.integer(1, 2)),
        share: random.pick([0.05, 0.3, 1]),
      }),
      undefined,
    ),
    unreadable: maybe<GarbledFields | undefined>(
      () => ({
        side: side(),
        fields: [random.pick(AMOUNTS)],
        share: random.pick([0.01, 0.2]),
        hours: random.pick([6, 60, 10_000]),
      }),
      undefined,
    ),
    retentionDays,
    eventRetentionDays: maybe<number | undefined>(() => random.pick([0, 0, 2, 7]), retentionDays),
    memberAfterHours: maybe<number | 'never'>(
      () => random.pick([random.integer(1, 40), random.integer(1, 40), 'never'] as const),
      0,
    ),
    alsoReturns: maybe(() => otherSids, []),
    reusedIds: maybe(() => 0.01, 0),
    eliminated: maybe(() => random.pick([0.004, 0.01]), 0),
  };
}

/** The modes that differ from the default, for people. */
export function modesInWords(modes: Modes): string {
  const changed = Object.entries(modes).filter(([name, value]) => {
    return (
      value !== undefined &&
      JSON.stringify(value) !== JSON.stringify(DEFAULT_MODES[name as keyof Modes])
    );
  });
  return (
    changed
      .map(
        ([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
      )
      .join(', ') || 'default'
  );
}
