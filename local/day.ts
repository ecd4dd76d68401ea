import type { LineRecord } from '../fake-rakuten';
import { Random } from '../fake-rakuten/random';

export interface DayOptions {
  /** The same seed makes the same day. */
  readonly seed: number;
  readonly sid: string;
  /** Any moment of the day, UTC. */
  readonly day: Date;
  /** Number of orders. There are about three times as many lines. */
  readonly orders: number;
  /**
   * When an order is placed, in milliseconds since midnight. @default - any time of the first
   * twenty hours
   */
  readonly placedAt?: (random: Random) => number;
}

/** One push of the day. */
export interface DayPush {
  readonly line: LineRecord;
  /** Whether the same line was pushed before. */
  readonly redelivery: boolean;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * How an advertiser reports: at once, once a day, or first as an event that a batch confirms later.
 */
type Reporting = 'realtime' | 'batch' | 'event-first';

interface Shop {
  readonly advertiserId: string;
  readonly offerId: string;
  readonly currency: string;
  /** Digits after the decimal point. */
  readonly decimals: number;
  readonly reporting: Reporting;
  /** Share of the price that is paid as commission. */
  readonly rate: number;
  readonly orderId: (random: Random) => string;
  /** SKU, name, price in the smallest unit of the currency. */
  readonly goods: readonly (readonly [sku: string, name: string, price: number])[];
  /** Share of the orders with a coupon, which is a separate line. */
  readonly couponShare: number;
}

const SHOPS: readonly Shop[] = [
  {
    advertiserId: '41207',
    offerId: '881204',
    currency: 'USD',
    decimals: 2,
    reporting: 'realtime',
    rate: 0.05,
    couponShare: 0,
    orderId: (random) => `C-${random.integer(100_000, 999_999)}`,
    goods: [
      ['HDPH-210-BK', 'Wireless headphones, black', 12990],
      ['CBL-USBC-2M', 'USB-C cable 2 m', 1499],
      ['LMP-ARC', 'Arc lamp "Söder" 1.8 m', 8900],
      ['MUG-CAT', 'Mug 🐈 & saucer', 1850],
    ],
  },
  {
    advertiserId: '40015',
    offerId: '727410',
    currency: 'EUR',
    decimals: 2,
    reporting: 'batch',
    rate: 0.08,
    couponShare: 0,
    orderId: (random) => String(random.integer(4_000_000_000_000, 4_999_999_999_999)),
    goods: [
      ['KLD-44-RT', 'Kleid, größe 44, rot', 7995],
      ['SCH-39', 'Schuhe „Élan“ 39', 11950],
      ['SCKN-3', 'Socken 3er-Pack 50% Wolle', 1290],
      ['TEE-M', 'T-Shirt #1 M', 1999],
    ],
  },
  {
    advertiserId: '38870',
    offerId: '653901',
    currency: 'USD',
    decimals: 2,
    reporting: 'event-first',
    rate: 0.04,
    couponShare: 0,
    orderId: (random) => `T${random.hex(8)}-${random.hex(4)}`,
    goods: [
      ['SUITE-3N', 'Suite, 3 nights', 61200],
      ['DBL-2N', 'Double room, 2 nights, São Paulo', 23800],
      ['CAR-7D', 'Compact car 7 days', 31543],
    ],
  },
  {
    advertiserId: '36912',
    offerId: '590022',
    currency: 'JPY',
    decimals: 0,
    reporting: 'realtime',
    rate: 0.03,
    couponShare: 0.4,
    orderId: (random) => `JP-${random.integer(10_000_000, 99_999_999)}`,
    goods: [
      ['4909876543210', 'ほうじ茶ラテ 10本入り', 3480],
      ['4901111222233', '抹茶チョコレート', 1000],
      ['4902222333344', '今治タオル（白）', 2200],
    ],
  },
];

/**
 * The pushes of one day in the order in which Rakuten sends them: sales with several lines,
 * preliminary events, confirmations of earlier events (together with these events), full and
 * partial returns, coupons, and redeliveries.
 */
export function postbackDay(options: DayOptions): DayPush[] {
  const random = new Random(options.seed);
  const start = Math.floor(options.day.getTime() / DAY) * DAY;
  const lines = Array.from({ length: options.orders }, () =>
    orderOf(random, options, start),
  ).flat();
  const inOrder = lines.sort(
    (a, b) => Date.parse(a.process_date ?? '') - Date.parse(b.process_date ?? ''),
  );
  const pushes = inOrder.map((line) => ({ line, redelivery: false }));
  for (const { line } of [...pushes]) {
    if (random.chance(0.05))
      pushes.splice(
        random.integer(pushes.findIndex((p) => p.line === line) + 1, pushes.length),
        0,
        { line, redelivery: true },
      );
  }
  return pushes;
}

const anyTime = (random: Random): number => random.integer(0, 20 * HOUR);

/** All lines of one order, each with its own process date. */
function orderOf(
  random: Random,
  { sid, placedAt = anyTime }: DayOptions,
  start: number,
): LineRecord[] {
  const shop = random.pick(SHOPS);
  const placed = start + placedAt(random);
  const common = {
    sid,
    advertiser_id: shop.advertiserId,
    offer_id: shop.offerId,
    order_id: shop.orderId(random),
    currency: shop.currency,
    transaction_type: shop.reporting === 'realtime' ? 'realtime' : 'batch',
    u1: random.chance(0.08) ? '' : `m_${random.integer(1000, 1250)}_${random.hex(6).toLowerCase()}`,
  };
  const line = (what: LineRecord, processedAt: number, placedAt = placed): LineRecord => ({
    is_event: 'N',
    etransaction_id: random.hex(32),
    ...common,
    transaction_date: rakutenDate(placedAt),
    process_date: rakutenDate(processedAt),
    ...what,
  });

  const basket = Array.from({ length: random.integer(1, 4) }, () => ({
    good: random.pick(shop.goods),
    quantity: random.chance(0.2) ? 2 : 1,
  }));
  const sales = basket.map(({ good: [sku_number, product_name, price], quantity }) => ({
    sku_number,
    product_name,
    quantity: String(quantity),
    ...amounts(shop, price * quantity),
  }));
  const processed = processedAt(random, shop.reporting, placed, start);
  if (shop.reporting === 'event-first')
    return eventAndConfirmation(random, sales, line, placed, processed);

  const lines = sales.map((sale) => line(sale, processed));
  if (random.chance(shop.couponShare)) {
    lines.push(
      line(
        {
          sku_number: 'DISCOUNT',
          product_name: 'クーポン値引き',
          quantity: '1',
          ...amounts(shop, -100 * random.integer(1, 3)),
        },
        processed,
      ),
    );
  }
  const [first] = basket;
  const [firstSale] = sales;
  if (first !== undefined && firstSale !== undefined && random.chance(0.15)) {
    // One of two pieces is returned, or the whole line. The quantity stays positive.
    const pieces = first.quantity === 2 && random.chance(0.6) ? 1 : first.quantity;
    const back = {
      ...firstSale,
      quantity: String(pieces),
      ...amounts(shop, -first.good[2] * pieces),
    };
    lines.push(line(back, Math.min(processed + random.integer(HOUR, 3 * HOUR), start + DAY - 1)));
  }
  return lines;
}

/**
 * An event of some weeks ago with its confirmation under a new ID, or an unconfirmed event of
 * today.
 */
function eventAndConfirmation(
  random: Random,
  sales: readonly LineRecord[],
  line: (what: LineRecord, processedAt: number, placedAt?: number) => LineRecord,
  placed: number,
  processed: number,
): LineRecord[] {
  const event = { is_event: 'Y', commissions: '0', transaction_type: 'realtime' };
  if (random.chance(0.5))
    return sales.map((sale) => line({ ...sale, ...event }, placed + random.integer(1, 9) * MINUTE));
  const placedThen = placed - random.integer(10, 25) * DAY;
  return sales.flatMap((sale) => [
    line({ ...sale, ...event }, placedThen + 4 * MINUTE, placedThen),
    line(sale, processed, placedThen),
  ]);
}

/** A realtime line is processed within minutes, a batch late in the evening. */
const processedAt = (
  random: Random,
  reporting: Reporting,
  placed: number,
  start: number,
): number =>
  reporting === 'realtime'
    ? placed + random.integer(20_000, 9 * MINUTE)
    : start + 22 * HOUR + random.integer(0, 10) * MINUTE;

function amounts(shop: Shop, price: number): Pick<LineRecord, 'sale_amount' | 'commissions'> {
  const unit = 10 ** shop.decimals;
  return {
    sale_amount: (price / unit).toFixed(shop.decimals),
    commissions: ((price * shop.rate) / unit).toFixed(shop.decimals),
  };
}

/** `2026-03-13T18:17:25.000+00:00`, the form that Rakuten documents for a postback. */
const rakutenDate = (millis: number): string =>
  new Date(Math.floor(millis / 1000) * 1000).toISOString().replace('Z', '+00:00');
