/**
 * A small table with every kind of line, for the tests of the query library, the command line and
 * the documentation.
 */
import { setTimeout } from 'node:timers/promises';
import {
  CreateTableCommand,
  type DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { ParseProblem } from '../../core/rakuten/postback/fields';
import { createTableInput } from '../../core/state/table';
import { rowKey } from '../../core/transactions/keys';
import type { LineFields } from '../../core/transactions/row';
import { RowStore } from '../../core/transactions/row-store';

export const SID = '3900112';

/** What comes with a line in addition to Rakuten's fields. */
export interface DeliveryExtras {
  /** @default - the line's `process_date` */
  readonly receivedAt?: string;
  /** When the Events API returned the line. Without it the line is unverified. */
  readonly verifiedAt?: string;
  /** What the Events API returned otherwise. An undefined field is empty there. */
  readonly answer?: LineFields;
  /** When complete reads of the Events API had lacked the line for long enough. */
  readonly withdrawnAt?: string;
  /** `events-api`: no postback delivered the line. */
  readonly source?: 'push' | 'events-api';
  readonly problems?: readonly ParseProblem[];
  readonly extra?: Record<string, string>;
  readonly dayShards?: number;
}

export async function createTable(client: DynamoDBClient, tableName: string): Promise<void> {
  await client.send(new CreateTableCommand(createTableInput(tableName)));
  await waitUntilTableExists(
    { client, minDelay: 0.01, maxDelay: 0.05, maxWaitTime: 10 },
    { TableName: tableName },
  );
}

/** Writes a line as the consumer and the reconciliation write it. */
export async function put(
  client: DynamoDBClient,
  tableName: string,
  fields: LineFields,
  extras: DeliveryExtras = {},
): Promise<void> {
  const {
    problems = [],
    extra = {},
    dayShards = 1,
    source = 'push',
    answer,
    verifiedAt,
    withdrawnAt,
  } = extras;
  const receivedAt =
    extras.receivedAt ?? withMilliseconds(fields.process_date ?? '2026-03-13T18:17:26Z');
  const storeAt = (time: string): RowStore =>
    new RowStore({
      client,
      tableName,
      dayShards,
      clock: { now: () => Date.parse(time), pause: setTimeout },
    });
  const key = rowKey(fields.sid ?? SID, fields, problems);
  const query = new URLSearchParams(fields as Record<string, string>).toString();
  const deadline = Number.POSITIVE_INFINITY;
  if (source === 'push') {
    const push = {
      fields,
      problems,
      extra,
      query,
      requestId: 'AbCdEfGhIjKlMnO=',
      receivedAt,
      source,
    } as const;
    await storeAt(receivedAt).writePushes(key, [push], deadline);
  }
  const fetchedAt = source === 'push' ? verifiedAt : receivedAt;
  if (fetchedAt !== undefined) {
    const returned = {
      fields: { ...fields, ...answer },
      problems,
      extra: {},
      query,
      runId: 'run',
      fetchedAt,
    };
    await storeAt(fetchedAt).applyAnswer(key, returned, deadline);
  }
  if (withdrawnAt !== undefined) await storeAt(withdrawnAt).withdraw(key, withdrawnAt, deadline);
}

const withMilliseconds = (time: string): string => new Date(time).toISOString();

const line = (id: string, fields: LineFields): LineFields => ({
  is_event: 'N',
  etransaction_id: id,
  sid: SID,
  advertiser_id: '39001',
  offer_id: '727010',
  transaction_type: 'realtime',
  transaction_date: '2026-03-13T18:02:43Z',
  process_date: '2026-03-13T18:17:25Z',
  currency: 'USD',
  quantity: '1',
  ...fields,
});

const bracelet = {
  order_id: 'W-100200300',
  sku_number: 'SKU-2966631',
  product_name: 'Sterling Silver Bracelet',
  u1: 'clk_01HRV6Z8Q2M4',
};
const clothes = { order_id: 'M-555', transaction_type: 'batch', u1: 'clk_01HRV6Z8Q2M4' };
const hotel = {
  order_id: 'T-7781',
  sku_number: 'RM-DLX',
  product_name: 'Deluxe room 3 nights',
  u1: 'clk_TRAVEL_1',
  sale_amount: '412.5',
  transaction_date: '2026-03-01T10:00:00Z',
};
const matcha = { advertiser_id: '36690', order_id: 'JP20260401-0001', currency: 'JPY' };

/** Transaction IDs of the lines below. */
export const IDS = {
  bracelet: 'A1F79C0162D1404DAB3F3E6BADA181C8',
  braceletReturn: '6375583947429F22C38938395BFACF00',
  tee: 'C0FFEE0000000000000000000000A001',
  jeans: 'C0FFEE0000000000000000000000A002',
  giftWrap: 'C0FFEE0000000000000000000000A003',
  teeReturn: 'C0FFEE0000000000000000000000B001',
  hotelEvent: '0B6E5A41C7F84D0E9A55D2F6E3B1C702',
  hotel: '5D9C2E7710AF4B6DBE0CF1A2938475E6',
  spaEvent: '0B6E5A41C7F84D0E9A55D2F6E3B1C7FF',
  matcha: 'E0000000000000000000000000000013',
  discount: 'E0000000000000000000000000000014',
  matchaReturn: 'E0000000000000000000000000000015',
  noise: 'F0000000000000000000000000000027',
  unreadable: 'F0000000000000000000000000000099',
} as const;

/** A line that the Events API returns half an hour after Rakuten processed it. */
const verified = (id: string, fields: LineFields): [LineFields, DeliveryExtras] => {
  const whole = line(id, fields);
  return [
    whole,
    { verifiedAt: new Date(Date.parse(whole.process_date ?? '') + 30 * 60 * 1000).toISOString() },
  ];
};

export const SEED: readonly (readonly [LineFields, DeliveryExtras?])[] = [
  // Returned as a whole.
  verified(IDS.bracelet, { ...bracelet, sale_amount: '180', commissions: '5.4' }),
  verified(IDS.braceletReturn, {
    ...bracelet,
    sale_amount: '-180',
    commissions: '-5.4',
    process_date: '2026-03-27T18:28:18Z',
  }),
  // Three lines, one of two tees returned.
  verified(IDS.tee, {
    ...clothes,
    sku_number: 'TOP-S-BLU',
    product_name: 'Tee, blue, S',
    sale_amount: '24.99',
    commissions: '1.25',
    quantity: '2',
  }),
  verified(IDS.jeans, {
    ...clothes,
    sku_number: 'JEAN-32',
    product_name: 'Slim jean 32/34',
    sale_amount: '59',
    commissions: '2.95',
  }),
  verified(IDS.giftWrap, {
    ...clothes,
    sku_number: 'GIFTWRAP',
    product_name: 'Gift wrap',
    sale_amount: '0',
    commissions: '0',
  }),
  verified(IDS.teeReturn, {
    ...clothes,
    sku_number: 'TOP-S-BLU',
    product_name: 'Tee, blue, S',
    sale_amount: '-12.5',
    commissions: '-0.63',
    process_date: '2026-04-02T02:00:00Z',
  }),
  // An event and its confirmation, and one that is still open.
  verified(IDS.hotelEvent, {
    ...hotel,
    is_event: 'Y',
    commissions: '0',
    process_date: '2026-03-01T10:04:09Z',
  }),
  verified(IDS.hotel, {
    ...hotel,
    transaction_type: 'batch',
    commissions: '16.5',
    process_date: '2026-03-13T18:20:00Z',
  }),
  [
    line(IDS.spaEvent, {
      ...hotel,
      is_event: 'Y',
      order_id: 'T-7790',
      sku_number: 'SPA-1',
      product_name: 'Spa day',
      sale_amount: '80',
      commissions: '0',
      transaction_date: '2026-03-20T09:00:00Z',
      process_date: '2026-03-20T09:05:00Z',
    }),
  ],
  // A discount line that is no return, and a cancellation without `u1` that no postback delivered.
  verified(IDS.matcha, {
    ...matcha,
    u1: 'p-1001',
    sku_number: '4901234567894',
    product_name: '抹茶チョコレート 12個入り',
    sale_amount: '1000',
    commissions: '30',
  }),
  verified(IDS.discount, {
    ...matcha,
    u1: 'p-1001',
    sku_number: 'DISCOUNT',
    product_name: 'クーポン値引き',
    sale_amount: '-100',
    commissions: '-3',
  }),
  [
    line(IDS.matchaReturn, {
      ...matcha,
      sku_number: '4901234567894',
      product_name: '抹茶チョコレート 12個入り',
      sale_amount: '-1000',
      commissions: '-30',
      process_date: '2026-05-08T03:00:00Z',
    }),
    { source: 'events-api', receivedAt: '2026-05-08T04:00:00.000Z' },
  ],
  // A confirmed line that the Events API has not returned, and one with unreadable amounts.
  [
    line(IDS.noise, {
      order_id: 'W-100200301',
      u1: 'member-9',
      sku_number: 'SKU-1',
      sale_amount: '19.99',
      commissions: '0.5997',
    }),
    { extra: { source: 'newsletter' } },
  ],
  [
    line(IDS.unreadable, { order_id: 'W-100200302', u1: 'member-9', sku_number: 'SKU-2' }),
    {
      problems: [
        { field: 'sale_amount', reason: "'n/a' is not a number" },
        { field: 'commissions', reason: "'n/a' is not a number" },
      ],
    },
  ],
];

/** Creates the table and fills it. */
export async function seedTable(
  client: DynamoDBClient,
  tableName: string,
  dayShards = 1,
): Promise<void> {
  await createTable(client, tableName);
  for (const [fields, extras] of SEED)
    await put(client, tableName, fields, { ...extras, dayShards });
}
