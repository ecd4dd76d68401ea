/** A table of any size, whose answers to every question are known. */
import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb';
import { limitConcurrency } from '../../core/async';
import { toItem } from '../../core/transactions/item';
import { rowKey } from '../../core/transactions/keys';
import type { LineFields } from '../../core/transactions/row';
import { applyAnswer, EMPTY_ROW, joinPushes, withdraw } from '../../core/transactions/row-state';
import { createTable, SID } from './seed';

export const LINES_PER_ORDER = 4;
const DAYS = 30;
/** Of this number of orders, one each has a line of the kinds below. */
export const CYCLE = 50;
const FATES: Readonly<Record<number, 'unverified' | 'withdrawn' | 'differing' | 'recovered'>> = {
  1: 'unverified',
  2: 'withdrawn',
  3: 'differing',
  4: 'recovered',
};

type Item = Record<string, AttributeValue>;

/**
 * The rows of an order: an event, two confirmed lines, and the return of the first. It earns 20.00
 * and commissions of 0.20, of the second line. That line has another fate in a few orders.
 */
function itemsOf(order: number, orders: number): Item[] {
  // Lines of few orders arrive in the same second: the embedded database mixes up some of those.
  const second = (Math.floor(order / DAYS) * 7) % 86_400;
  const processed = new Date(Date.UTC(2026, 3, (order % DAYS) + 1) + second * 1000);
  const base: LineFields = {
    sid: SID,
    advertiser_id: String(39000 + (order % 20)),
    order_id: `O-${order}`,
    transaction_date: `${processed.toISOString().slice(0, 10)}T00:00:00Z`,
    process_date: `${processed.toISOString().slice(0, 19)}Z`,
    currency: 'USD',
    u1: `click-${order % (orders / 2)}`,
    quantity: '1',
    product_name: 'Sterling Silver Bracelet',
  };
  const line = (index: number, fields: LineFields): LineFields => ({
    ...base,
    etransaction_id: `${String(order).padStart(12, '0')}0${index}`,
    ...fields,
  });
  const sold = { is_event: 'N', sku_number: 'A', sale_amount: '100', commissions: '0.1' };
  const returned = line(3, { ...sold, sale_amount: '-100', commissions: '-0.1' });
  return [
    item(line(0, { ...sold, is_event: 'Y', commissions: '0' })),
    item(line(1, sold)),
    item(
      line(2, { ...sold, sku_number: 'B', sale_amount: '20', commissions: '0.2' }),
      FATES[order % CYCLE],
    ),
    // Some cancellations come without `u1`.
    item(order % 10 === 0 ? { ...returned, u1: undefined } : returned),
  ];
}

function item(fields: LineFields, fate?: (typeof FATES)[number]): Item {
  const time = new Date(fields.process_date ?? '').toISOString();
  const content = {
    fields: JSON.parse(JSON.stringify(fields)) as LineFields,
    problems: [],
    extra: {},
    query: `u1=${fields.u1}`,
  };
  const said =
    fate === 'differing'
      ? { ...content, fields: { ...content.fields, sale_amount: '99' } }
      : content;
  const push = {
    ...said,
    receivedAt: time,
    requestId: 'AbCdEfGhIjKlMnO=',
    source: 'push',
  } as const;
  const pushed = fate === 'recovered' ? EMPTY_ROW : joinPushes(EMPTY_ROW, [push]);
  const answered =
    fate === 'unverified'
      ? pushed
      : applyAnswer(pushed, { ...content, fetchedAt: time, runId: 'run' });
  const state = fate === 'withdrawn' ? withdraw(answered, '2026-05-02T00:00:00.000Z') : answered;
  return {
    ...toItem(rowKey(SID, content.fields), state, { dayShards: 1 }),
    updated_at: { S: time },
  };
}

/** Creates and fills the table, unless the server has it already. */
export async function writeLargeTable(
  client: DynamoDBClient,
  tableName: string,
  rows: number,
): Promise<void> {
  try {
    await createTable(client, tableName);
  } catch (error) {
    if (error instanceof ResourceInUseException) return;
    throw error;
  }
  const orders = rows / LINES_PER_ORDER;
  const limited = limitConcurrency(8);
  const writes: Promise<unknown>[] = [];
  let items: Item[] = [];
  const flush = async (): Promise<void> => {
    const RequestItems = { [tableName]: items.map((Item) => ({ PutRequest: { Item } })) };
    items = [];
    writes.push(limited(() => client.send(new BatchWriteItemCommand({ RequestItems }))));
    if (writes.length >= 16) await Promise.all(writes.splice(0));
  };
  for (let order = 0; order < orders; order += 1) {
    items.push(...itemsOf(order, orders));
    if (items.length + LINES_PER_ORDER > 25) await flush();
  }
  if (items.length > 0) await flush();
  await Promise.all(writes);
}
