import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { toRow } from '../../../client/items';
import { settle } from '../../../client/settlement';
import type { TransactionRow } from '../../../client/types';
import { METRICS } from '../../../core/names';
import { DEFAULT_ADJUSTMENT_SKU } from '../../../core/rakuten/postback/kind';
import { DynamoRegistrationStore } from '../../../core/registration/registration-store';
import { sha256 } from '../../../core/sha256';
import { PUBLISHER_KIND, STATE_KEYS } from '../../../core/state/publisher-state';
import type { LineRecord } from '../../../fake-rakuten';
import { DEFAULT_MODES, type Modes } from '../../../fake-rakuten/modes';
import { escaped } from '../../../fake-rakuten/printing';
import type { ReconciliationResult } from '../../../lambda/reconciliation/reconciler';
import { queueDepth, untilEmpty } from '../../../local/drain';
import { writeEndpoints } from '../../../local/endpoints';
import type { LocalFunction } from '../../../local/lambda/local-function';
import { MetricSums } from '../../../local/metrics';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import type { BatchOutcome } from '../../../local/template/context';
import { scanTable } from '../../../local/verify';
import { itemBytes } from '../../../tools/cost/item-size';
import { putState } from '../../../tools/faults/publisher';
import { sendAll } from '../../support/load';
import { messageBody } from '../../support/messages';
import { type Encode, ownPartOf, queryOf, twice } from '../../support/postbacks';
import { runIn } from '../../support/terminal';

/**
 * What a table that takes its rows from postbacks gets wrong, with the deployed functions: in both
 * orders of arrival, through the queue and after a redrive, with scheduled and manual runs.
 */

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
const OTHER_SID = '3900113';
const OTHER_SECRET = 'secret-of-the-other-publisher-0123456789abc';

let stack: LocalStack;
let folder: string;
let reconciliation: LocalFunction;
let metrics = new MetricSums();
const batches: BatchOutcome[] = [];
let serial = 0;

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
    onOutput: (_, line) => metrics.read(line),
    onBatch: (outcome) => batches.push(outcome),
  });
  const found = [...stack.functions.values()].find(
    ({ name }) => name === stack.outputs.ReconciliationFunctionName,
  );
  if (found === undefined) throw new Error('the stack has no reconciliation');
  reconciliation = found;
  folder = mkdtempSync(join(tmpdir(), 'rakuten-rows-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
});
beforeEach(() => {
  metrics = new MetricSums();
  batches.length = 0;
});
afterEach(async () => {
  expect(await queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl)).toBe(0);
});
afterAll(async () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  await stack?.close();
});

const iso = (millis: number): string => new Date(millis).toISOString();

/** A new line that Rakuten processed an hour ago. */
function newLine(changes: LineRecord = {}): LineRecord {
  serial += 1;
  return {
    is_event: 'N',
    etransaction_id: sha256(`row model ${serial}`).slice(0, 32).toUpperCase(),
    sid: stack.sid,
    advertiser_id: '41207',
    order_id: `ORDER-${serial}`,
    offer_id: '881204',
    transaction_type: 'realtime',
    transaction_date: iso(Date.now() - 2 * HOUR),
    process_date: iso(Date.now() - HOUR),
    currency: 'USD',
    sale_amount: '100',
    commissions: '5',
    quantity: '1',
    sku_number: 'SKU-1',
    u1: 'member-1',
    product_name: 'Müsli ほうじ茶',
    ...changes,
  };
}

/** What a URL can hold is left as it is. */
const unescaped: Encode = (value) => escaped(value, { ...DEFAULT_MODES, escaping: 'never' });
const inCharset =
  (charset: Modes['charset']): Encode =>
  (value) =>
    escaped(value, { ...DEFAULT_MODES, charset });

/** The URL that is registered, without its fields. */
const secretPart = (): string => ownPartOf(stack.registeredUrl);
const urlOf = (query: string): string =>
  `${stack.registeredUrl.split('?', 1)[0]}?${secretPart()}&${query}`;

async function sendMessage(
  QueueUrl: string,
  query: string,
  receivedAt: number,
  secret = secretPart(),
): Promise<void> {
  serial += 1;
  const MessageBody = messageBody(`${secret}&${query}`, {
    receivedAt: iso(receivedAt),
    requestId: `request-${serial}`,
  });
  await stack.clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
}

const settled = (): Promise<void> => untilEmpty(stack.clients.sqs, stack.queueUrl, 60);

async function redrive(): Promise<void> {
  const ran = await runIn(folder, ['dlq', 'redrive', '--all', '--local'], { now: new Date() });
  expect(ran.exitCode).toBe(0);
  await settled();
}

async function reconcile(event: object = { run: 'hourly' }): Promise<ReconciliationResult> {
  const result = (await reconciliation.invoke({
    sid: stack.sid,
    ...event,
  })) as ReconciliationResult;
  expect(result.outcome).toBe('done');
  return result;
}
const manually = () => reconcile({ from: iso(Date.now() - 3 * HOUR), reason: 'manual' });

const allRows = async (): Promise<TransactionRow[]> =>
  (await scanTable(stack.clients.dynamodb, stack.tableName)).map((item) =>
    toRow(item, DEFAULT_ADJUSTMENT_SKU),
  );

/** Rows that have anything to do with the lines, whatever their keys. */
async function rowsOf(...lines: LineRecord[]): Promise<TransactionRow[]> {
  const ids = lines.map(({ etransaction_id = '' }) => etransaction_id.toUpperCase());
  return (await allRows()).filter((row) =>
    ids.some((id) => JSON.stringify(row).toUpperCase().includes(id)),
  );
}

const saleOf = (lines: readonly TransactionRow[]): number =>
  lines.reduce((sum, { sale_amount }) => sum + Number(sale_amount ?? 0), 0);
function sums(rows: readonly TransactionRow[]): {
  pending: number;
  awaiting: number;
  earned: number;
} {
  const { pending, awaiting, earned } = settle(rows);
  return { pending: saleOf(pending), awaiting: saleOf(awaiting), earned: saleOf(earned) };
}

interface Case {
  readonly name: string;
  /** What Rakuten has, where it is not as usual. */
  readonly line?: LineRecord;
  /** What the postback says otherwise. */
  readonly pushed?: LineRecord;
  readonly encode?: Encode;
  /** What the postback is about, in place of another spelling of the line. */
  readonly spelling?: (line: LineRecord) => LineRecord;
  /** Compared fields in which the postback differs. */
  readonly differing?: readonly string[];
  /** Whether the row shows the postback's member, unverified, if that arrived before the answer. */
  readonly keepsMember?: boolean;
}

const CASES: readonly Case[] = [
  { name: 'an order ID with an unescaped plus sign', line: { order_id: 'A+1' }, encode: unescaped },
  { name: 'an order ID with an unescaped ampersand', line: { order_id: 'B&2' }, encode: unescaped },
  {
    name: 'an order ID that was escaped twice',
    line: { order_id: 'C 3' },
    encode: twice,
    differing: [],
  },
  { name: 'a blank order ID', pushed: { order_id: ' ' } },
  { name: 'a padded order ID', line: { order_id: 'E5' }, pushed: { order_id: ' E5 ' } },
  {
    name: 'an order ID in another case',
    line: { order_id: 'Order-F' },
    pushed: { order_id: 'ORDER-F' },
  },
  {
    name: 'an order ID that became a float',
    line: { order_id: '123' },
    pushed: { order_id: '123.0' },
  },
  { name: 'a blank advertiser ID', pushed: { advertiser_id: '' } },
  { name: 'a padded advertiser ID', pushed: { advertiser_id: ' 41207' } },
  { name: 'an advertiser ID that became a float', pushed: { advertiser_id: '41207.0' } },
  {
    name: 'a transaction ID in lower case',
    spelling: (line) => ({ ...line, etransaction_id: line.etransaction_id?.toLowerCase() }),
  },
  {
    name: 'a padded transaction ID',
    spelling: (line) => ({ ...line, etransaction_id: ` ${line.etransaction_id} ` }),
  },
  { name: 'the SID of another publisher', pushed: { sid: '9999999' } },
  { name: 'no SID', pushed: { sid: '' } },
  {
    name: 'an old amount with a process date in 2099',
    pushed: { sale_amount: '50', process_date: '2099-01-01T00:00:00Z' },
    differing: ['sale_amount'],
  },
  {
    name: 'a process date in the year 9999',
    pushed: { sale_amount: '1', process_date: '9999-12-31T23:59:59Z' },
    differing: ['sale_amount'],
  },
  {
    name: 'another order date, SKU and quantity',
    pushed: { transaction_date: '2001-01-01T00:00:00Z', sku_number: 'FORGED', quantity: '9' },
  },
  { name: 'another currency', pushed: { currency: 'JPY' }, differing: ['currency'] },
  {
    name: 'a currency where the Events API returns none',
    line: { currency: '' },
    pushed: { currency: 'USD' },
    differing: ['currency'],
  },
  { name: 'a currency in lower case', pushed: { currency: 'usd' } },
  { name: 'another member', pushed: { u1: 'attacker' }, differing: ['u1'] },
  {
    name: 'a member where the Events API returns none',
    line: { u1: '' },
    pushed: { u1: 'member-2' },
    differing: ['u1'],
    keepsMember: true,
  },
  { name: 'a name in Shift_JIS', encode: inCharset('shift_jis') },
  { name: 'a name in EUC-JP', encode: inCharset('euc-jp') },
  {
    name: 'a decomposed name',
    spelling: (line) => ({ ...line, product_name: line.product_name?.normalize('NFD') }),
  },
  {
    name: 'local times without a zone',
    spelling: (line) => ({
      ...line,
      transaction_date: iso(Date.parse(line.transaction_date ?? '') + 9 * HOUR).replace('Z', ''),
      process_date: iso(Date.parse(line.process_date ?? '') + 9 * HOUR).replace('Z', ''),
    }),
  },
  {
    name: 'an amount that became a 32-bit float',
    line: { sale_amount: '100.1' },
    pushed: { sale_amount: String(Math.fround(100.1)) },
  },
  { name: 'an unreadable amount', pushed: { sale_amount: '1,234.50' } },
];

interface Pass {
  readonly order: 'the postback is processed first' | 'the answer is applied first';
  readonly route: 'queue' | 'redrive';
  readonly run: 'scheduled' | 'manual';
}
const PASSES: readonly Pass[] = (
  ['the postback is processed first', 'the answer is applied first'] as const
).flatMap((order) =>
  (['queue', 'redrive'] as const).flatMap((route) =>
    (['scheduled', 'manual'] as const).map((run) => ({ order, route, run })),
  ),
);

describe.each(PASSES)(
  'a postback through the $route, with a $run run, where $order',
  ({ order, route, run }) => {
    const lines = new Map<string, LineRecord>();
    let rows: TransactionRow[];
    // A redriven message arrived before the answer, whenever it is processed.
    const arrivesFirst = order === 'the postback is processed first' || route === 'redrive';

    beforeAll(async () => {
      for (const { name, line } of CASES) lines.set(name, newLine(line));
      const compare = run === 'scheduled' ? reconcile : manually;
      const arrived = Date.now() - 30 * MINUTE;
      if (route === 'redrive') {
        for (const each of CASES)
          await sendMessage(stack.deadLetterQueueUrl, queryOfCase(each), arrived);
      }
      const process = async (): Promise<void> => {
        if (route === 'redrive') return redrive();
        expect(await sendAll(CASES.map((each) => urlOf(queryOfCase(each))))).toEqual(
          new Map([[200, CASES.length]]),
        );
        await settled();
      };
      if (order === 'the postback is processed first') await process();
      for (const line of lines.values()) stack.rakuten.record(line);
      await compare();
      if (order === 'the answer is applied first') await process();
      // Nothing is left to change.
      expect((await compare()).counts).toMatchObject({
        missing: 0,
        unverified: 0,
        different: 0,
        updated: 0,
        written: 0,
      });
      rows = await allRows();
    });

    const queryOfCase = ({ name, spelling, pushed, encode }: Case): string => {
      const line = lines.get(name) ?? {};
      return queryOf({ ...(spelling?.(line) ?? line), ...pushed }, encode);
    };

    it.each(CASES)(
      'with $name is one row with the values of the Events API, and in the right sum',
      (each) => {
        const { name, differing, keepsMember = false } = each;
        const line = lines.get(name) ?? {};
        const found = rows.filter((row) =>
          JSON.stringify(row)
            .toUpperCase()
            .includes(line.etransaction_id ?? '?'),
        );
        expect(found).toHaveLength(1);
        const [row] = found;
        expect(row).toMatchObject({
          line_id: `${stack.sid}#${line.etransaction_id}`,
          is_event: 'N',
          source: 'push',
          sale_amount: line.sale_amount,
        });
        const showsMember = keepsMember && arrivesFirst;
        const seconds = (date = ''): string => `${new Date(date).toISOString().slice(0, 19)}Z`;
        expect({
          order_id: row?.order_id,
          advertiser_id: row?.advertiser_id,
          currency: row?.currency,
          u1: row?.u1,
          sku_number: row?.sku_number,
          quantity: row?.quantity,
          product_name: row?.product_name,
          transaction_date: row?.transaction_date,
          process_date: row?.process_date,
        }).toEqual({
          order_id: line.order_id,
          advertiser_id: line.advertiser_id,
          currency: line.currency === '' ? undefined : line.currency,
          u1: showsMember ? each.pushed?.u1 : line.u1 === '' ? undefined : line.u1,
          sku_number: line.sku_number,
          quantity: line.quantity,
          product_name: line.product_name,
          transaction_date: seconds(line.transaction_date),
          process_date: seconds(line.process_date),
        });
        expect([row?.verified_at !== undefined, row?.u1_from_postback]).toEqual(
          showsMember ? [false, true] : [true, undefined],
        );
        expect(row?.parse_problems).toBeUndefined();
        expect(row?.differing_fields).toEqual(
          differing === undefined || differing.length === 0 ? undefined : differing,
        );
        const sale = Number(line.sale_amount);
        expect(sums(found)).toEqual(
          showsMember
            ? { pending: 0, awaiting: sale, earned: 0 }
            : { pending: 0, awaiting: 0, earned: sale },
        );
      },
    );
  },
);

describe('a corrected line', () => {
  it.each(['queue', 'redrive'] as const)(
    'is not shown as it was before by a replay through the %s',
    async (route) => {
      const line = newLine({ sale_amount: '50' });
      expect(await sendAll([urlOf(queryOf(line))])).toEqual(new Map([[200, 1]]));
      await settled();
      stack.rakuten.record(line);
      await reconcile();
      const corrected = { ...line, sale_amount: '100' };
      stack.rakuten.record(corrected);
      await reconcile();
      const [verified] = await rowsOf(line);
      const replay = queryOf({ ...line, process_date: '2099-01-01T00:00:00Z' });
      await sendMessage(
        route === 'queue' ? stack.queueUrl : stack.deadLetterQueueUrl,
        replay,
        Date.now(),
      );
      if (route === 'redrive') await redrive();
      await settled();
      const [row] = await rowsOf(line);
      expect(row).toMatchObject({
        sale_amount: '100',
        verified_at: verified?.verified_at,
        updated_at: verified?.updated_at,
      });
      expect(row?.process_day).toBe(verified?.process_day);
      expect(row?.replaced_answers).toEqual([
        { answered_at: expect.any(String), values: 'sale_amount=50' },
      ]);
      expect(sums(await rowsOf(line))).toEqual({ pending: 0, awaiting: 0, earned: 100 });
    },
  );
});

describe('two publishers', () => {
  const states = () => new DynamoRegistrationStore(stack.clients.dynamodb, stack.stateTableName);

  beforeAll(async () => {
    const state = await states().readState(stack.sid);
    const [accepted] = state?.accepted ?? [];
    if (state === undefined || accepted === undefined) throw new Error('no publisher');
    await putState(stack.clients.dynamodb, stack.stateTableName, {
      ...state,
      sid: OTHER_SID,
      accepted: [{ ...accepted, secretSha256: sha256(OTHER_SECRET) }],
    });
  });

  it('with the same transaction ID keep two rows, and neither can write to the row of the other', async () => {
    const line = newLine({ sale_amount: '100' });
    const others = { ...line, sid: OTHER_SID, sale_amount: '70', order_id: 'OTHER' };
    const secret = secretPart().replace(/^k=[^&]*/, `k=${OTHER_SECRET}`);
    // Each query names the other publisher.
    await sendMessage(stack.queueUrl, queryOf({ ...line, sid: OTHER_SID }), Date.now());
    await sendMessage(stack.queueUrl, queryOf({ ...others, sid: stack.sid }), Date.now(), secret);
    await settled();
    expect(metrics.sum(METRICS.foreignSid)).toBe(2);
    stack.rakuten.record(line);
    stack.rakuten.record(others);
    await reconcile();
    const bySid = async () =>
      Object.fromEntries(
        (await rowsOf(line)).map((row) => [
          row.sid,
          [row.sale_amount, row.order_id, row.verified_at !== undefined],
        ]),
      );
    expect(await bySid()).toEqual({
      [stack.sid]: ['100', line.order_id, true],
      [OTHER_SID]: ['70', 'OTHER', false],
    });
    await reconcile({ sid: OTHER_SID, run: 'hourly' });
    expect(await bySid()).toEqual({
      [stack.sid]: ['100', line.order_id, true],
      [OTHER_SID]: ['70', 'OTHER', true],
    });
  });

  it('each get the records of their own SID from a token that covers both', async () => {
    stack.rakuten.setModes(stack.sid, { alsoReturns: [OTHER_SID] });
    const line = newLine({ sid: OTHER_SID });
    stack.rakuten.record(line);
    expect((await reconcile()).counts).toMatchObject({ missing: 0, foreign: expect.any(Number) });
    expect(await rowsOf(line)).toEqual([]);
    stack.rakuten.setModes(stack.sid, {});
  });

  it('are both in the report of unverified rows, also after one was removed, whatever dates its postbacks carry', async () => {
    const arrived = Date.now() - 2 * DAY;
    const dates = [
      Date.now() - 31 * DAY,
      Date.now() + 2 * HOUR,
      Date.parse('2099-01-01T00:00:00Z'),
    ].map(iso);
    const forged = [...dates, '9999-12-31T23:59:59Z', 'soon', ''].map((date) =>
      newLine({ process_date: date, transaction_date: date }),
    );
    for (const line of forged) await sendMessage(stack.queueUrl, queryOf(line), arrived);
    await sendMessage(stack.queueUrl, queryOf(newLine({ is_event: 'Y' })), arrived);
    const secret = secretPart().replace(/^k=[^&]*/, `k=${OTHER_SECRET}`);
    await sendMessage(stack.queueUrl, queryOf(newLine()), arrived, secret);
    await settled();
    const count = async (): Promise<[number, number]> => {
      metrics = new MetricSums();
      await reconcile({ run: 'daily' });
      return [metrics.sum(METRICS.unverified), metrics.sum(METRICS.unverifiedEvents)];
    };
    expect(await count()).toEqual([forged.length, 1]);
    const Key = {
      [STATE_KEYS.partition]: { S: PUBLISHER_KIND },
      [STATE_KEYS.sort]: { S: OTHER_SID },
    };
    await stack.clients.dynamodb.send(
      new DeleteItemCommand({ TableName: stack.stateTableName, Key }),
    );
    // Its secret is rejected from now on, but its rows are still counted.
    expect(await count()).toEqual([forged.length + 1, 1]);
  });
});

describe('a member ID that Rakuten does not escape, so that it ends in a parameter of its own,', () => {
  interface Claim {
    readonly claim: string;
    /** What Rakuten has, where it is not as usual. */
    readonly line?: LineRecord;
    /** What the row says before the reconciliation. Nothing: there is no row. */
    readonly pushed?: LineRecord;
    /** What counts the postback. */
    readonly metric: string;
  }
  const claims: readonly Claim[] = [
    { claim: 'commissions=500', pushed: { commissions: '500', u1: 'm' }, metric: METRICS.stored },
    {
      claim: 'is_event=N',
      line: { is_event: 'Y' },
      pushed: { is_event: 'N', u1: 'm' },
      metric: METRICS.stored,
    },
    { claim: 'probe=1', pushed: { u1: 'm' }, metric: METRICS.stored },
    { claim: 'k=1', metric: METRICS.forged },
  ];

  it.each(claims)(
    'pays nothing with $claim, and the next reconciliation writes the line of Rakuten',
    async (each) => {
      const line = newLine({ ...each.line, u1: `m&${each.claim}` });
      expect(await sendAll([urlOf(queryOf(line, unescaped))])).toEqual(new Map([[200, 1]]));
      await settled();
      expect(metrics.sum(each.metric)).toBe(1);
      const before = await rowsOf(line);
      expect(before).toEqual(
        each.pushed === undefined ? [] : [expect.objectContaining(each.pushed)],
      );
      expect(before.filter(({ verified_at }) => verified_at !== undefined)).toEqual([]);
      expect(sums(before).earned).toBe(0);

      stack.rakuten.record(line);
      await reconcile();
      const verified = async () =>
        (await rowsOf(line)).filter(({ verified_at }) => verified_at !== undefined);
      const { is_event, sale_amount, commissions, u1 } = line;
      expect(await verified()).toEqual([
        expect.objectContaining({ is_event, sale_amount, commissions, u1 }),
      ]);
      expect(sums(await rowsOf(line)).earned).toBe(is_event === 'N' ? 100 : 0);

      // An event is paid when Rakuten confirms it, and by what it confirms.
      stack.rakuten.record({ ...line, is_event: 'N', commissions: '4' });
      await reconcile();
      const confirmed = (await verified()).filter((row) => row.is_event === 'N');
      expect(confirmed).toEqual([expect.objectContaining({ commissions: '4', u1 })]);
      expect(sums(await rowsOf(line))).toEqual({ pending: 0, awaiting: 0, earned: 100 });
    },
  );
});

describe('a flood of different postbacks of one line', () => {
  it.each<[string, readonly string[]]>([
    [
      '29 GETs of 9 KB',
      Array.from(
        { length: 29 },
        (_, index) => `product_name=${index}${'x'.repeat(4000)}&extra=${'y'.repeat(5000)}`,
      ),
    ],
    [
      '120 values and 6 with replacement characters',
      Array.from(
        { length: 126 },
        (_, index) => `product_name=${index < 120 ? `name-${index}` : `%FF%FE-${index}`}`,
      ),
    ],
    [
      '150 amounts in quick succession',
      Array.from({ length: 150 }, (_, index) => `sale_amount=${index}.5`),
    ],
  ])(
    'of %s fails no message, and the correction of the Events API still applies',
    async (_, changes) => {
      const line = newLine();
      const fixed = queryOf(line).replace(/&(product_name|sale_amount)=[^&]*/g, '');
      stack.rakuten.record(line);
      await reconcile();
      const started = performance.now();
      expect(await sendAll(changes.map((change) => urlOf(`${fixed}&${change}`)))).toEqual(
        new Map([[200, changes.length]]),
      );
      await settled();
      expect(performance.now() - started).toBeLessThan(30_000);
      expect(batches.filter(({ left, error }) => left > 0 || error !== undefined)).toEqual([]);
      stack.rakuten.record({ ...line, sale_amount: '101' });
      expect((await reconcile()).counts).toMatchObject({ different: 1, written: 1 });
      const rows = await rowsOf(line);
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({
        sale_amount: '101',
        product_name: line.product_name,
        more_pushes: true,
      });
      expect(rows[0]?.verified_at).toBeDefined();
      const [item] = (await scanTable(stack.clients.dynamodb, stack.tableName)).filter(
        (found) => found.line_id?.S === rows[0]?.line_id,
      );
      expect(itemBytes(item ?? {})).toBeLessThan(16 * 1024);
      expect(sums(rows)).toEqual({ pending: 0, awaiting: 0, earned: 101 });
    },
  );
});

describe('the sums of an order', () => {
  it.each<[string, readonly LineRecord[], object]>([
    [
      'a cancelled event is neither pending nor earned',
      [{ is_event: 'Y' }, { sale_amount: '-100', commissions: '-5' }],
      { pending: 0, earned: 0 },
    ],
    [
      'an event that was confirmed under other SKUs is not pending',
      [
        { is_event: 'Y', sku_number: 'BUNDLE' },
        { sku_number: 'PART', sale_amount: '100' },
      ],
      { pending: 0, earned: 100 },
    ],
    [
      'a return in another case of the currency is net',
      [{}, { currency: 'usd', sale_amount: '-100', commissions: '-5' }],
      { pending: 0, earned: 0 },
    ],
    [
      'an event with the ID of its confirmation counts once',
      [{ is_event: 'Y', sku_number: '' }, { sku_number: 'S' }],
      { pending: 0, earned: 100 },
    ],
  ])('are right: %s', async (_, changes, expected) => {
    const order_id = `SUM-${serial}`;
    const lines = changes.map((change) => newLine({ order_id, ...change }));
    for (const line of lines) stack.rakuten.record(line);
    await sendAll(lines.map((line) => urlOf(queryOf(line))));
    await settled();
    await reconcile();
    const rows = await rowsOf(...lines);
    expect(rows).toHaveLength(lines.length);
    expect(sums(rows)).toMatchObject({ ...expected, awaiting: 0 });
  });
});
