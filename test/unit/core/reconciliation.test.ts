import type { Context } from 'aws-lambda';
import fc from 'fast-check';
import { RakutenError } from '../../../core/rakuten/api/errors';
import {
  type EventsRecord,
  type EventsWindow,
  eventsPages,
  type ReadPage,
  readRecords,
} from '../../../core/rakuten/events-api/events';
import { type Position, walk } from '../../../core/rakuten/events-api/paginate-events';
import { ALL_FIELDS } from '../../../core/rakuten/postback/fields';
import { deliveryRate, differenceOf } from '../../../core/reconciliation/counts';
import type { JobOutcome } from '../../../core/reconciliation/job';
import { reconcilablePublisher } from '../../../core/reconciliation/publisher';
import { parseRequest } from '../../../core/reconciliation/request';
import {
  clamp,
  coveredAfter,
  LONGEST_LOOK_BACK_MILLIS,
  scheduledWindow,
} from '../../../core/reconciliation/window';
import { applyAnswer, EMPTY_ROW, effectOf, joinPushes } from '../../../core/transactions/row-state';
import type { LineRecord } from '../../../fake-rakuten';
import { eventsDate } from '../../../fake-rakuten/events';
import { Reconciler } from '../../../lambda/reconciliation/reconciler';
import { Log } from '../../../lambda/shared/log';
import { Metrics } from '../../../lambda/shared/metrics';
import { postbackDay } from '../../../local/day';
import { answeredLine, pushedLine } from '../../support/histories';
import {
  DAY,
  HOUR,
  MINUTE,
  ReconciliationWorld,
  SETTINGS,
  SID,
  stateWith,
} from '../../support/reconciliation-world';
import { CREDENTIALS } from '../../support/registration-world';

const iso = (millis: number): string => new Date(millis).toISOString();
let serial = 0;

/** A line that Rakuten processed at this time. */
function lineAt(processedAt: number, changes: LineRecord = {}): LineRecord {
  serial += 1;
  return {
    is_event: 'N',
    etransaction_id: serial.toString(16).toUpperCase().padStart(32, 'A'),
    sid: SID,
    advertiser_id: '41207',
    order_id: `C-${serial % 7}`,
    offer_id: '881204',
    transaction_type: 'realtime',
    transaction_date: iso(processedAt - 7 * MINUTE),
    process_date: iso(processedAt),
    currency: 'USD',
    sale_amount: '129.90',
    commissions: '6.495',
    quantity: '1',
    sku_number: 'HDPH-210-BK',
    product_name: 'Wireless headphones, black',
    u1: 'm_58813_k4',
    ...changes,
  };
}

const idsOf = (records: readonly EventsRecord[]): string[] =>
  records.map((record) => String(record.etransaction_id));

describe('an answer of the Events API', () => {
  const record = '{"etransaction_id":"A1","sale_amount":0.10}';
  it.each([
    ['a bare array', `[${record},${record}]`, 2],
    ['an empty array', '[]', 0],
    ['one bare record', record, 1],
    ['an array inside `transactions`', `{"transactions":[${record}]}`, 1],
    ['nothing inside `transactions`', '{"transactions":[]}', 0],
    ['a message that nothing was found', '{"message":"No records found"}', 0],
  ])('that is %s', (_, body, count) => {
    const records = readRecords(body);
    expect(records).toHaveLength(count);
    if (count > 0) expect(records?.[0]?.sale_amount).toBe('0.10');
  });

  it.each([
    ['half an array', `[${record},{"etransac`],
    ['a page of a proxy', '<html>Bad gateway</html>'],
    ['another message', '{"message":"Unexpected error"}'],
    ['nothing', ''],
    ['an array of something else', '[1,2]'],
  ])('is not %s', (_, body) => expect(readRecords(body)).toBeUndefined());
});

describe('a walk over a window', () => {
  const START = Date.UTC(2026, 2, 1);

  /** Reads a ledger as Rakuten does: both ends in, or one of them out. */
  function reader(
    lines: readonly LineRecord[],
    { order = 1, endIn = true, cap = Number.POSITIVE_INFINITY } = {},
  ): ReadPage & { calls: number } {
    const processed = lines.map((line) => ({
      line,
      second: Math.floor(Date.parse(line.process_date ?? '') / 1000) * 1000,
    }));
    processed.sort((a, b) => order * (a.second - b.second));
    const read = async (
      window: EventsWindow,
      page: number,
      size: number,
    ): Promise<EventsRecord[]> => {
      result.calls += 1;
      const isInside = (second: number): boolean =>
        second >= window.from && (endIn ? second <= window.to : second < window.to);
      const inside = processed.filter(({ second }) => isInside(second)).map(({ line }) => line);
      const served = Math.min(size, cap);
      return inside.slice((page - 1) * served, page * served);
    };
    const result = Object.assign(read, { calls: 0 });
    return result;
  }

  async function collect(
    pages: AsyncIterable<{ records: readonly EventsRecord[]; next: Position | undefined }>,
  ) {
    const found: string[] = [];
    const positions: (Position | undefined)[] = [];
    for await (const { records, next } of pages) {
      found.push(...idsOf(records));
      positions.push(next);
    }
    return { found, positions };
  }

  const lines = (fromSeconds: readonly number[]): LineRecord[] =>
    fromSeconds.map((seconds) => lineAt(START + seconds * 1000));
  const scattered = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 3 * 86_400 }), fc.integer({ min: 50_000, max: 50_004 })),
    {
      maxLength: 80,
    },
  );

  it('returns every line, whatever the order and size of the pages and the end that Rakuten includes', async () => {
    const shapes = fc.record({
      at: scattered,
      pageSize: fc.integer({ min: 2, max: 30 }),
      maxPages: fc.integer({ min: 1, max: 5 }),
      order: fc.constantFrom(1, -1),
      endIn: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ at, order, endIn, ...options }) => {
        const all = lines(at);
        // Where the end is left out, its last second belongs to the next run.
        const window = { from: START, to: START + 3 * DAY + (endIn ? 0 : 1000) };
        const { found, positions } = await collect(
          walk(reader(all, { order, endIn }), window, options),
        );
        expect(new Set(found)).toEqual(new Set(idsOf(all)));
        expect(positions.at(-1)).toBeUndefined();
        expect(positions.slice(0, -1)).not.toContain(undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('continues from any position where it stopped', async () => {
    await fc.assert(
      fc.asyncProperty(
        scattered,
        fc.integer({ min: 2, max: 12 }),
        fc.nat(),
        async (at, pageSize, stop) => {
          const all = lines(at);
          const window = { from: START, to: START + 3 * DAY };
          const before: string[] = [];
          let position: Position | undefined = { from: window.from };
          let pages = 0;
          for await (const { records, next } of walk(reader(all), window, {
            pageSize,
            maxPages: 2,
          })) {
            before.push(...idsOf(records));
            position = next;
            pages += 1;
            if (pages > stop % 8) break;
          }
          const rest =
            position === undefined
              ? []
              : (await collect(walk(reader(all), window, { pageSize, maxPages: 2 }, position)))
                  .found;
          expect(new Set([...before, ...rest])).toEqual(new Set(idsOf(all)));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('needs few calls for a quiet month, and few more pages than lines need for a busy one', async () => {
    const quiet = reader(lines([5, 86_400, 20 * 86_400]));
    await collect(walk(quiet, { from: START, to: START + 29 * DAY }));
    expect(quiet.calls).toBe(29);

    const busy = reader(lines(Array.from({ length: 20_000 }, (_, i) => i * 8)));
    await collect(
      walk(busy, { from: START, to: START + 2 * DAY }, { pageSize: 100, maxPages: 10 }),
    );
    expect(busy.calls).toBeLessThan(2 * (20_000 / 100));
  });

  it('reads a second with more lines than the maximum of pages holds', async () => {
    const all = lines(Array.from({ length: 500 }, () => 40_000));
    const { found } = await collect(
      walk(reader(all), { from: START, to: START + DAY }, { pageSize: 20, maxPages: 3 }),
    );
    expect(new Set(found)).toEqual(new Set(idsOf(all)));
  });

  it('reads on where a server returns fewer lines than were asked for', async () => {
    const all = lines(Array.from({ length: 730 }, (_, i) => i * 60));
    const { found } = await collect(
      walk(reader(all, { cap: 100 }), { from: START, to: START + DAY }),
    );
    expect(new Set(found)).toEqual(new Set(idsOf(all)));
  });

  it('asks for fewer lines after the server refused a page size, and learns that once', async () => {
    const all = lines(Array.from({ length: 230 }, (_, i) => i * 600));
    const served = reader(all);
    const limits: number[] = [];
    const call = async ({ path }: { path: string }) => {
      const query = new URL(path, 'https://api.test').searchParams;
      const [limit, page] = [Number(query.get('limit')), Number(query.get('page'))];
      limits.push(limit);
      if (limit > 100)
        throw new RakutenError({ kind: 'refused', operation: 'events', sid: SID, status: 400 });
      const window = {
        from: Date.parse(`${query.get('process_date_start')}Z`),
        to: Date.parse(`${query.get('process_date_end')}Z`),
      };
      return { status: 200, headers: {}, body: JSON.stringify(await served(window, page, limit)) };
    };
    const { found } = await collect(
      walk(
        eventsPages({ call } as never, () => 0),
        { from: START, to: START + 2 * DAY },
      ),
    );
    expect(new Set(found)).toEqual(new Set(idsOf(all)));
    expect(limits.filter((limit) => limit > 100)).toHaveLength(1);
  });

  it('stops at a page that repeats the one before', async () => {
    const page = lines(Array.from({ length: 10 }, () => 5));
    const stuck = walk(async () => page, { from: START, to: START + DAY }, { pageSize: 10 });
    await expect(collect(stuck)).rejects.toThrow('page 2 with the same 10 lines');
  });
});

describe('the window of a run', () => {
  const now = Date.UTC(2026, 3, 20, 12, 0, 0, 500);

  it('follows from the clock when an earlier run covered the time before', () => {
    const hourAgo = now - HOUR;
    expect(scheduledWindow('hourly', SETTINGS, hourAgo, now)).toEqual({
      from: now - 3 * HOUR,
      to: now,
      isBackfill: false,
    });
    expect(scheduledWindow('daily', SETTINGS, hourAgo, now)).toEqual({
      from: now - 29 * DAY,
      to: now,
      isBackfill: false,
    });
  });

  it('reaches back to the last run that succeeded, and to the beginning when there was none', () => {
    expect(scheduledWindow('hourly', SETTINGS, now - 30 * HOUR, now)).toEqual({
      from: now - 32 * HOUR,
      to: now,
      isBackfill: false,
    });
    expect(scheduledWindow('hourly', SETTINGS, undefined, now)).toEqual({
      from: now - 29 * DAY,
      to: now,
      isBackfill: true,
    });
    const without = { ...SETTINGS, backfillSeconds: 0 };
    expect(scheduledWindow('hourly', without, undefined, now)).toEqual({
      from: now - 3 * HOUR,
      to: now,
      isBackfill: false,
    });
  });

  it('is what Rakuten returns, on whole seconds, without lines that are still on their way', () => {
    const window = clamp({ from: 0, to: now + DAY }, 0, now);
    expect(window).toEqual({
      from: Math.floor((now - LONGEST_LOOK_BACK_MILLIS) / 1000) * 1000,
      to: Date.UTC(2026, 3, 20, 11, 58),
    });
    expect(clamp({ from: 0, to: now }, now - DAY, now).from).toBe(
      Math.floor((now - DAY) / 1000) * 1000,
    );
  });

  it('is recorded as covered only where it leaves no gap', () => {
    expect(coveredAfter({ from: 10, to: 20 }, true, undefined)).toBe(20);
    expect(coveredAfter({ from: 10, to: 20 }, false, undefined)).toBeUndefined();
    expect(coveredAfter({ from: 10, to: 20 }, true, 12)).toBe(20);
    expect(coveredAfter({ from: 10, to: 20 }, false, 25)).toBe(25);
    expect(coveredAfter({ from: 10, to: 20 }, false, 12)).toBe(20);
    expect(coveredAfter({ from: 10, to: 20 }, false, 9)).toBe(9);
    // A run of the schedule begins there where it may: what is earlier is beyond what Rakuten
    // returns, or excluded.
    expect(coveredAfter({ from: 10, to: 20 }, true, 9)).toBe(20);
  });
});

describe('the effect of an answer', () => {
  const at = Date.UTC(2026, 2, 1, 10, 0, 0, 250);
  const arrival = { receivedAt: iso(at), requestId: 'request-1' };
  const answerOf = (line: LineRecord, changes: EventsRecord = {}, fetchedAt = at + HOUR) => {
    const dates = {
      process_date: eventsDate(line.process_date ?? ''),
      transaction_date: eventsDate(line.transaction_date ?? ''),
    };
    return answeredLine({ ...line, ...dates, ...changes }, iso(fetchedAt));
  };
  const rowOf = (line: LineRecord) =>
    joinPushes(EMPTY_ROW, [pushedLine(line as Record<string, string>, arrival).push]);

  it.each<[string, LineRecord, EventsRecord]>([
    ['times without milliseconds', {}, {}],
    [
      'a number without its zeros',
      { sale_amount: '10.500', quantity: '1.0' },
      { sale_amount: '10.5', quantity: '1' },
    ],
    ['a number with an exponent', { commissions: '0.00000012' }, { commissions: '1.2e-7' }],
    [
      'a number from a 32-bit float',
      { sale_amount: '19.989999771118164' },
      { sale_amount: '19.99' },
    ],
    [
      'spaces around a name',
      { product_name: ' Sterling Silver Bracelet ' },
      { product_name: 'Sterling Silver Bracelet' },
    ],
    ['a decomposed name', { product_name: 'Mu\u0308sli' }, { product_name: 'M\u00fcsli' }],
    ['a boolean event flag', { is_event: 'Y' }, { is_event: true }],
    [
      'other names and nulls',
      { sku_number: '' },
      { sku_number: null, offer: '881204', offer_id: undefined },
    ],
    ['empty fields', { u1: '' }, { u1: '', commissions_list_id: '' }],
    ['an ID in lower case', {}, { etransaction_id: serial.toString(16) }],
    ['a currency in lower case', { currency: 'usd' }, { currency: 'USD' }],
  ])('is a verification without a difference for %s', (_, pushed, record) => {
    const line = lineAt(at, pushed);
    const { etransaction_id: id } = line;
    const spelling =
      record.etransaction_id === undefined ? {} : { etransaction_id: id?.toLowerCase() };
    const { key, answer } = answerOf(line, { ...record, ...spelling });
    const row = rowOf(line);
    expect(key).toEqual(pushedLine(line as Record<string, string>, arrival).key);
    expect(effectOf(row, answer)).toBe('unverified');
    expect(differenceOf(key, 'unverified', row, answer).fields).toEqual([]);
  });

  it('names each field with another value', () => {
    const line = lineAt(at);
    const { key, answer } = answerOf(line, { sale_amount: '-129.9', u1: '' });
    expect(differenceOf(key, 'unverified', rowOf(line), answer)).toEqual({
      what: 'unverified',
      line_id: key.lineId,
      is_event: 'N',
      fields: [
        { field: 'sale_amount', row: '129.9', rakuten: '-129.9' },
        { field: 'u1', row: 'm_58813_k4', rakuten: undefined },
      ],
    });
  });

  it.each<[string, EventsRecord, string]>([
    ['the same', {}, 'same'],
    ['another amount', { sale_amount: '1' }, 'different'],
    ['an amount that is empty now', { sale_amount: '' }, 'different'],
    ['a member that is empty now', { u1: null }, 'different'],
    ['another lock status', { lock_status: 'locked' }, 'updated'],
    ['a SKU where there was none', { sku_number: 'NEW' }, 'updated'],
    ['another product name', { product_name: 'Tea' }, 'updated'],
    ['another order', { order_id: 'X' }, 'reused'],
    ['another advertiser', { advertiser_id: '1' }, 'reused'],
    ['an unreadable amount', { commissions: 'n/a' }, 'unreadable'],
    ['an unreadable order date', { transaction_date: 'soon' }, 'unreadable'],
    ['an unreadable process date', { process_date: 'soon' }, 'updated'],
    ['no ID', { etransaction_id: '' }, 'unreadable'],
  ])('on an answered row is by the answer %s (%j): %s', (_, changes, effect) => {
    const line = lineAt(at, { sku_number: '' });
    const row = applyAnswer(rowOf(line), answerOf(line).answer);
    expect(effectOf(row, answerOf(line, changes, at + DAY).answer)).toBe(effect);
    expect(effectOf(row, answerOf(line, changes, at).answer)).toBe(
      effect === 'unreadable' ? 'unreadable' : 'same',
    );
  });
});

describe('the publisher', () => {
  const retired = (fields: typeof ALL_FIELDS, acceptedUntil: string) => ({
    secretSha256: '',
    fieldListId: 'x',
    fields,
    acceptedUntil,
  });
  const without = (...names: string[]) => ALL_FIELDS.filter(({ name }) => !names.includes(name));

  it('is reconciled if it is registered and its URL asks for the ID and is_event', () => {
    expect(() => reconcilablePublisher(SID, undefined)).toThrow('not registered');
    expect(() => reconcilablePublisher(SID, stateWith(without('etransaction_id')))).toThrow(
      'does not ask for etransaction_id',
    );
    expect(() => reconcilablePublisher(SID, stateWith(without('is_event')))).toThrow(
      'does not ask for is_event',
    );
    const others = without('sid', 'order_id', 'advertiser_id', 'sku_number');
    expect(reconcilablePublisher(SID, stateWith(others))).toMatchObject({ comparableSince: 0 });
  });

  it('is reconciled from the time on at which its URL asked for them', () => {
    const state = stateWith(ALL_FIELDS, retired(without('is_event'), '2026-03-02T00:00:00.000Z'));
    expect(reconcilablePublisher(SID, state).comparableSince).toBe(Date.UTC(2026, 2, 2));
  });
});

it.each([
  [{}, 'sid is undefined'],
  [{ sid: 'x' }, 'sid is "x"'],
  [{ sid: SID, run: 'weekly' }, 'run is "weekly"'],
  [{ sid: SID, from: '2026-03-01' }, 'from is "2026-03-01"'],
  [{ sid: SID, from: '2026-02-29T00:00:00Z' }, 'from is "2026-02-29T00:00:00Z"'],
  [{ sid: SID, from: '2026-03-02T00:00:00Z', to: '2026-03-01T00:00:00Z' }, 'from is not before to'],
  [{ sid: SID, from: '2026-03-01T00:00:00Z', dryRun: 'yes' }, 'dryRun is "yes"'],
  [{ sid: SID, from: '2026-03-01T00:00:00Z', acceptChanges: 1 }, 'acceptChanges is 1'],
])('rejects the event %j', (event, message) =>
  expect(() => parseRequest(event, Date.UTC(2026, 2, 3))).toThrow(message),
);

const countsOf = (outcome: JobOutcome | Error | undefined): Partial<Record<string, number>> => {
  if (outcome === undefined || outcome instanceof Error || !('counts' in outcome))
    throw new Error(`no counts: ${String(outcome)}`);
  return Object.fromEntries(Object.entries(outcome.counts).filter(([, count]) => count > 0));
};
const HOURLY = { sid: SID, run: 'hourly' };
const DAILY = { sid: SID, run: 'daily' };
const id = (line: LineRecord): string => line.etransaction_id ?? '';

/** A world in which Rakuten has these lines and a first run verified them. */
async function verifiedWorld(
  lines: readonly LineRecord[],
  world = new ReconciliationWorld(),
): Promise<ReconciliationWorld> {
  world.record(...lines);
  expect(await world.invoke(HOURLY)).toMatchObject({ outcome: 'done' });
  return world;
}

/** Lines of the days before today, some for each day. */
function linesBefore(now: number, days: number, perDay: number): LineRecord[] {
  return Array.from({ length: days * perDay }, (_, index) =>
    lineAt(now - DAY - (index / perDay) * DAY),
  );
}

describe('the runs of an installation', () => {
  /** Lines of the last days, some of them lost. Returns the IDs of those that were pushed. */
  async function fill(
    world: ReconciliationWorld,
    days: number,
    lost: (index: number) => boolean,
  ): Promise<Set<string>> {
    const pushed = new Set<string>();
    await world.pass(HOUR);
    for (let day = 1; day <= days; day += 1) {
      const lines = postbackDay({
        seed: day,
        sid: SID,
        day: new Date(world.now - day * DAY),
        orders: 40,
      });
      for (const [index, { line, redelivery }] of lines.entries()) {
        // Confirmed lines come with their events of weeks before, which the Events API returns no
        // more.
        if (redelivery || Date.parse(line.process_date ?? '') < world.now - 28 * DAY) continue;
        world.record(line);
        if (lost(index)) continue;
        pushed.add(id(line));
        world.push(line, Date.parse(line.process_date ?? ''));
      }
    }
    return pushed;
  }

  it('begin with a backfill, fetch lost lines, verify the others, and then write nothing more and read no row', async () => {
    const world = new ReconciliationWorld();
    const pushed = await fill(world, 10, (index) => index % 5 === 0);
    await world.consume();
    const lines = world.rakuten.rakuten.ledger(SID).length;
    const first = await world.invoke(HOURLY);
    expect(first).toMatchObject({ outcome: 'done', job: { reason: 'backfill' } });
    expect(countsOf(first)).toEqual({
      missing: lines - pushed.size,
      unverified: pushed.size,
      written: lines,
    });
    await world.expectComplete(pushed);

    await world.pass(HOUR);
    world.rowsRead = 0;
    world.archived.length = 0;
    const before = await world.rows();
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: lines });
    // The day index alone shows that they are unchanged.
    expect([world.rowsRead, world.archived]).toEqual([0, []]);
    expect(await world.rows()).toEqual(before);
  });

  it('repair any pattern of loss, whatever fails in between, without a second row and without a false change', async () => {
    const hours = fc.array(
      fc.record({
        lines: fc.array(
          fc.record({
            offset: fc.integer({ min: 0, max: HOUR - 1 }),
            pushes: fc.constantFrom(0, 0, 1, 1, 1, 2),
            amount: fc.constantFrom('10.50', '0', '-180.0', '0.5996999931335449', '1234567.891'),
            isEvent: fc.boolean(),
            name: fc.constantFrom('Mug', ' Tea ', 'a & b = c%', '\u00dcberraschung', ''),
            shownAfter: fc.constantFrom(0, 0, 0, 5),
          }),
          { maxLength: 12 },
        ),
        isSameSecond: fc.boolean(),
        consumerIsLate: fc.boolean(),
        runs: fc.constantFrom('hourly', 'hourly', 'hourly', 'none', 'twice'),
        fault: fc.constantFrom(
          undefined,
          undefined,
          { status: 403 },
          { status: 500 },
          { connection: 'truncate' as const },
          { connection: 'drop' as const },
        ),
        faultTimes: fc.constantFrom(1, 3, 500),
        writesFail: fc.boolean(),
      }),
      { minLength: 1, maxLength: 10 },
    );
    const shape = fc.record({
      pageSize: fc.integer({ min: 2, max: 20 }),
      maxPages: fc.integer({ min: 1, max: 3 }),
      newestFirst: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(hours, shape, async (plan, { newestFirst, ...walkOptions }) => {
        const world = new ReconciliationWorld();
        world.settings = {
          ...SETTINGS,
          backfillSeconds: 2 * 86_400,
          dailyWindowSeconds: 2 * 86_400,
        };
        world.walk = walkOptions;
        world.rakuten.rakuten.behaviour.eventsOrder = newestFirst ? 'newest-first' : 'oldest-first';
        world.rakuten.rakuten.behaviour.callsPerMinute = 100;
        const pushed = new Set<string>();
        const late: { at: number; line: LineRecord }[] = [];
        for (const hour of plan) {
          const start = world.now;
          for (const { offset, pushes, amount, isEvent, name, shownAfter } of hour.lines) {
            const line = lineAt(start + (hour.isSameSecond ? 1_800_250 : offset), {
              sale_amount: amount,
              is_event: isEvent ? 'Y' : 'N',
              product_name: name,
            });
            for (let push = 0; push < pushes; push += 1)
              world.push(line, start + offset + push * 1000);
            if (pushes > 0) pushed.add(id(line));
            late.push({ at: start + shownAfter * HOUR, line });
          }
          await world.pass(HOUR);
          for (const { line } of late.filter(({ at }) => at < world.now)) world.record(line);
          if (!hour.consumerIsLate) await world.consume();
          if (hour.fault !== undefined)
            world.rakuten.rakuten.faults.add({
              operation: 'events',
              times: hour.faultTimes,
              ...hour.fault,
            });
          let writes = 0;
          world.beforeRequest = (command) => {
            if (!isRowWrite(command)) return;
            writes += 1;
            if (hour.writesFail && writes % 3 === 0) throw new Error('DynamoDB is ill');
          };
          for (let run = 0; run < { hourly: 1, none: 0, twice: 2 }[hour.runs]; run += 1)
            await world.invoke(HOURLY);
          world.rakuten.rakuten.faults.clear();
          world.beforeRequest = () => {};
        }
        await world.pass(6 * HOUR);
        for (const { line } of late) world.record(line);
        await world.consume();
        expect(await world.invoke(DAILY)).toMatchObject({ outcome: 'done' });
        await world.expectComplete(pushed);
        await world.pass(HOUR);
        world.outcomes.length = 0;
        await world.invoke(DAILY);
        const done = world.outcomes.flatMap((outcome) => Object.keys(countsOf(outcome)));
        expect(new Set(done)).toEqual(new Set(late.length === 0 ? [] : ['same']));
      }),
      { numRuns: Number(process.env.RECONCILIATION_RUNS ?? 25) },
    );
  });

  it('recover the hour in which Rakuten failed with the next hourly run', async () => {
    const world = new ReconciliationWorld();
    await world.invoke(HOURLY);
    for (let hour = 0; hour < 9; hour += 1) {
      world.record(lineAt(world.now + 10 * MINUTE));
      await world.pass(HOUR);
      world.rakuten.rakuten.faults.add({ operation: 'events', times: 10_000, status: 503 });
      const failed = await world.invoke(HOURLY);
      expect((failed as Error).message).toContain(
        'could not read transactions from the Events API of SID 3900112: HTTP 503',
      );
      expect((failed as Error).message).toContain('the next run reads the same time again');
      world.rakuten.rakuten.faults.clear();
    }
    await world.invoke(HOURLY);
    expect(await world.rows()).toHaveLength(9);
    await world.expectComplete(new Set());
  });

  it('wait while a 403 limits the rate, and never exceed the calls per minute by themselves', async () => {
    const world = new ReconciliationWorld();
    await fill(world, 4, () => true);
    world.walk = { pageSize: 2 };
    world.rakuten.rakuten.behaviour.callsPerMinute = 100;
    world.rakuten.rakuten.faults.add({ operation: 'events', skip: 5, times: 4, status: 403 });
    expect(await world.invoke(HOURLY)).toMatchObject({ outcome: 'done' });
    const refused = world.rakuten.rakuten.calls.filter(({ status }) => status === 403);
    expect(refused).toHaveLength(4);
    expect(world.rakuten.rakuten.calls.length).toBeGreaterThan(200);
    await world.expectComplete(new Set());
  });

  describe('over several invocations', () => {
    /** Runs an event and its continuations, with a test between two of them. */
    async function continued(
      world: ReconciliationWorld,
      event: unknown,
      between: () => Promise<void> = async () => {},
    ): Promise<(JobOutcome | Error)[]> {
      const outcomes: (JobOutcome | Error)[] = [];
      for (let next: unknown = event; next !== undefined; ) {
        let rest: unknown;
        outcomes.push(
          await world.once(next, (request) => {
            rest = JSON.parse(JSON.stringify({ sid: SID, rest: { ...request, sid: undefined } }));
          }),
        );
        if (rest !== undefined) await between();
        next = rest;
      }
      return outcomes;
    }

    async function busyWorld(days: number): Promise<ReconciliationWorld> {
      const world = new ReconciliationWorld();
      await fill(world, days, () => true);
      world.walk = { pageSize: 3 };
      world.invocationMillis = 7 * MINUTE + 5_000;
      return world;
    }

    it('read a busy account, and no other run gets in between', async () => {
      const world = await busyWorld(12);
      const outcomes = await continued(world, HOURLY, async () => {
        expect(await world.once(HOURLY)).toEqual({ outcome: 'busy' });
      });
      expect(outcomes.length).toBeGreaterThan(2);
      expect(outcomes.map((outcome) => ('outcome' in outcome ? outcome.outcome : outcome))).toEqual(
        [...outcomes.slice(1).map(() => 'continues'), 'done'],
      );
      await world.expectComplete(new Set());
      expect((await world.notes.read(SID)).coveredUntil).toBe(
        (outcomes[0] as { job: { window: EventsWindow } }).job.window.to,
      );
    });

    it('stay a dry run, or one that accepts changes', async () => {
      const world = await busyWorld(12);
      const window = {
        sid: SID,
        from: iso(world.now - 13 * DAY),
        to: iso(world.now),
        reason: 'manual',
      };
      const dry = await continued(world, { ...window, dryRun: true });
      expect(dry.length).toBeGreaterThan(2);
      expect(dry.every((outcome) => 'job' in outcome && outcome.job?.dryRun === true)).toBe(true);
      expect([await world.rows(), world.archived, await world.notes.read(SID)]).toEqual([
        [],
        [],
        {},
      ]);
      const accepting = await continued(world, { ...window, acceptChanges: true });
      expect(
        accepting.every((outcome) => 'job' in outcome && outcome.job?.acceptChanges === true),
      ).toBe(true);
    });

    it('withdraw no line that a cut-off read of its part did not reach', async () => {
      const start = new ReconciliationWorld();
      const lines = Array.from({ length: 12 }, (_, index) =>
        lineAt(start.now - 2 * DAY + (index + 1) * HOUR),
      );
      const world = await verifiedWorld(lines, start);
      // The time is up after each page.
      world.walk = { pageSize: 3 };
      world.invocationMillis = 4 * MINUTE;
      const request = {
        sid: SID,
        from: iso(world.now - 3 * DAY),
        to: iso(world.now),
        reason: 'manual',
        acceptChanges: true,
      };
      for (let read = 0; read < 3; read += 1) {
        await world.pass(21 * HOUR);
        const outcomes = await continued(world, request);
        expect(outcomes.length).toBeGreaterThan(5);
        expect(outcomes.at(-1)).toMatchObject({ outcome: 'done' });
      }
      await world.expectComplete(new Set());
    });

    it('read on although a line of the first one cannot be written, then fail and name it', async () => {
      const world = await busyWorld(12);
      const [poison = {}] = [...world.rakuten.rakuten.ledger(SID)].sort((a, b) =>
        (a.process_date ?? '') < (b.process_date ?? '') ? -1 : 1,
      );
      world.beforeRequest = (command) => {
        if (isRowWrite(command) && JSON.stringify(command.input).includes(id(poison)))
          throw new Error('the item is too large');
      };
      const outcomes = await continued(world, HOURLY);
      expect(outcomes.length).toBeGreaterThan(2);
      expect(String(outcomes.at(-1))).toContain(
        `1 line could not be written, all others were: ${SID}#${id(poison)}`,
      );
      expect(await world.rows()).toHaveLength(world.rakuten.rakuten.ledger(SID).length - 1);
      expect((await world.notes.read(SID)).coveredUntil).toBeUndefined();
    });
  });

  it('succeed although the lease cannot be released', async () => {
    const world = new ReconciliationWorld();
    world.notes.releaseLease = async () => {
      throw new Error('DynamoDB is ill');
    };
    expect(await world.invoke(HOURLY)).toMatchObject({ outcome: 'done' });
    expect(await world.once(HOURLY)).toMatchObject({ outcome: 'done' });
  });

  it.each([
    ['an empty list', undefined],
    [
      '404 and a message, as with an empty slot',
      { status: 404, body: '{"message":"No records found"}' },
    ],
    ['no content', { status: 204, body: '' }],
  ])('find an empty account empty that answers with %s', async (_, answer) => {
    const world = new ReconciliationWorld();
    if (answer !== undefined)
      world.rakuten.rakuten.faults.add({ operation: 'events', times: 1000, ...answer });
    const outcome = await world.invoke(HOURLY);
    expect(outcome).toMatchObject({ outcome: 'done' });
    expect(countsOf(outcome)).toEqual({});
    expect((await world.notes.read(SID)).succeededAt).toBe(world.now);
  });

  it.each([
    ['ahead', 20 * MINUTE],
    ['behind', -20 * MINUTE],
  ])("find every line where Rakuten's clock is %s", async (_, skew) => {
    const world = new ReconciliationWorld();
    await world.invoke(HOURLY);
    for (let hour = 0; hour < 4; hour += 1) {
      for (let tenth = 0; tenth < 10; tenth += 1)
        world.record(lineAt(world.now + tenth * 6 * MINUTE + skew));
      await world.pass(HOUR);
      await world.invoke(HOURLY);
    }
    await world.pass(HOUR);
    await world.invoke(HOURLY);
    await world.expectComplete(new Set());
  });

  it('skip and count the lines of another publisher that the token covers', async () => {
    const world = new ReconciliationWorld();
    world.rakuten.rakuten.setModes(SID, { alsoReturns: ['3900113'] });
    const mine = lineAt(world.now - DAY);
    const other = { sid: '3900113' };
    world.record(
      mine,
      lineAt(world.now - 9 * HOUR, other),
      lineAt(world.now - 9 * HOUR, { ...other, etransaction_id: id(mine) }),
    );
    expect(countsOf(await world.invoke(HOURLY))).toEqual({ missing: 1, foreign: 2, written: 1 });
    await world.expectComplete(new Set());
  });

  it('never verify a line without an ID, and write it once', async () => {
    const world = new ReconciliationWorld();
    const unnamed = lineAt(world.now - DAY + 123, { etransaction_id: '' });
    world.record({ ...unnamed, etransaction_id: undefined });
    world.push(unnamed);
    await world.consume();
    for (const run of [HOURLY, DAILY]) expect(countsOf(await world.invoke(run)).unreadable).toBe(1);
    for (const row of await world.rows()) {
      expect(row.verified_at).toBeUndefined();
      expect(row.parse_problems?.L).toContainEqual({ S: 'etransaction_id: missing' });
    }
    const before = await world.rows();
    await world.pass(HOUR);
    await world.invoke(DAILY);
    expect(await world.rows()).toEqual(before);
  });

  it('compare a window on request, and omit what Rakuten no longer returns', async () => {
    const world = new ReconciliationWorld();
    const [before, inside] = [lineAt(world.now - 5 * HOUR), lineAt(world.now - 3 * HOUR)];
    world.record(before, inside);
    const gap = {
      sid: SID,
      from: iso(world.now - 4 * HOUR),
      to: iso(world.now - 2 * HOUR),
      reason: 'was-disabled',
    };
    expect(await world.invoke(gap)).toMatchObject({
      outcome: 'done',
      job: { reason: 'was-disabled', outOfReachMillis: 0 },
      counts: { missing: 1 },
    });
    expect((await world.rows()).map((row) => row.line_id?.S)).toEqual([`${SID}#${id(inside)}`]);
    // The time before is still the first run's.
    expect((await world.notes.read(SID)).coveredUntil).toBeUndefined();

    expect(await world.invoke({ ...gap, from: iso(world.now - 40 * DAY) })).toMatchObject({
      outcome: 'done',
      counts: { missing: 1 },
    });
    expect(world.outcomes.at(-1)?.job?.outOfReachMillis).toBeGreaterThan(10 * DAY);
    expect(
      await world.invoke({
        ...gap,
        from: iso(world.now - 41 * DAY),
        to: iso(world.now - 40 * DAY),
      }),
    ).toMatchObject({
      outcome: 'empty',
    });
  });

  it.each<[string, (world: ReconciliationWorld) => Promise<void>]>([
    ['none succeeded for longer than Rakuten returns lines', (world) => world.pass(40 * DAY)],
    [
      'lines of the time since the last run are excluded',
      async (world) => {
        await world.pass(5 * DAY);
        world.settings = { ...SETTINGS, notBefore: iso(world.now - DAY) };
      },
    ],
    [
      'the URL did not ask for the ID',
      async (world) => {
        await world.pass(5 * DAY);
        const acceptedUntil = iso(world.now - DAY);
        world.state = stateWith(ALL_FIELDS, {
          secretSha256: '',
          fieldListId: 'x',
          fields: ALL_FIELDS.slice(0, 1),
          acceptedUntil,
        });
      },
    ],
  ])('catch up once, and then read hours again, where %s', async (_, gap) => {
    const world = new ReconciliationWorld();
    await world.invoke(HOURLY);
    await gap(world);
    const caughtUp = await world.invoke(HOURLY);
    await world.pass(HOUR);
    const next = await world.invoke(HOURLY);
    const [longWindow, window] = [caughtUp, next].map(
      (outcome) => (outcome as { job: { window: EventsWindow } }).job.window,
    );
    expect((longWindow?.to ?? 0) - (longWindow?.from ?? 0)).toBeGreaterThan(20 * HOUR);
    expect((window?.to ?? 0) - (window?.from ?? 0)).toBeLessThan(4 * HOUR);
  });

  it('leave lines alone that Rakuten processed before `notBefore`', async () => {
    const world = new ReconciliationWorld();
    world.settings = { ...SETTINGS, notBefore: iso(world.now - 2 * DAY) };
    world.record(lineAt(world.now - 3 * DAY), lineAt(world.now - DAY));
    expect(await world.invoke(HOURLY)).toMatchObject({ counts: { missing: 1 } });
  });

  it('report the share of lines that postbacks delivered, each line counted once', async () => {
    const world = new ReconciliationWorld();
    await fill(world, 3, (index) => index % 4 === 0);
    await world.consume();
    await world.invoke(HOURLY);
    await world.invoke(DAILY);
    const [first, second] = world.outcomes.map((outcome) =>
      'counts' in outcome ? deliveryRate(outcome.counts) : undefined,
    );
    expect(first).toBeCloseTo(0.75, 1);
    expect(second).toBeUndefined();
  });
});

/** Whether a request writes a row of the transaction table. */
const isRowWrite = (command: {
  readonly constructor: { readonly name: string };
  readonly input: { readonly TableName?: string };
}): boolean =>
  ['PutItemCommand', 'UpdateItemCommand'].includes(command.constructor.name) &&
  command.input.TableName === 'transactions';

describe('the member of a line', () => {
  it('comes from the first postback, unverified, until the Events API returns one', async () => {
    const world = new ReconciliationWorld();
    world.rakuten.rakuten.setModes(SID, { memberAfterHours: 30 });
    const line = lineAt(world.now - HOUR);
    world.record(line);
    world.push(line);
    await world.consume();
    await world.invoke(HOURLY);
    const early = await world.rowOf(line);
    expect([early?.u1?.S, early?.u1_from_postback?.BOOL, early?.verified_at]).toEqual([
      line.u1,
      true,
      undefined,
    ]);
    expect(await world.unverifiedIds()).toEqual([id(line)]);
    // A later postback cannot replace it.
    world.push({ ...line, u1: 'attacker' });
    await world.consume();
    expect((await world.rowOf(line))?.u1?.S).toBe(line.u1);

    await world.pass(31 * HOUR);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ updated: 1, written: 1 });
    const late = await world.rowOf(line);
    expect([late?.u1?.S, late?.u1_from_postback, late?.verified_at !== undefined]).toEqual([
      line.u1,
      undefined,
      true,
    ]);
  });

  it('stays empty where a postback with one arrived after the first answer', async () => {
    const world = new ReconciliationWorld();
    world.rakuten.rakuten.setModes(SID, { memberAfterHours: 'never' });
    const line = lineAt(world.now - HOUR);
    world.record(line);
    await world.invoke(HOURLY);
    await world.pass(MINUTE);
    world.push({ ...line, u1: 'attacker' });
    await world.consume();
    const row = await world.rowOf(line);
    expect([row?.u1, row?.verified_at !== undefined, row?.differing_fields]).toEqual([
      undefined,
      true,
      { L: [{ S: 'u1' }] },
    ]);
  });
});

describe('the brake', () => {
  it.each([
    [10, 4, false],
    [10, 5, true],
    [300, 5, false],
    [300, 6, false],
    [300, 7, true],
  ])(
    'of %d verified lines with %d replaced values holds back the changes: %s',
    async (count, changed, isBraked) => {
      const start = new ReconciliationWorld();
      const lines = linesBefore(start.now, 10, count / 10);
      const world = await verifiedWorld(lines, start);
      const before = await world.rows();
      await world.pass(HOUR);
      const corrected = lines.slice(0, changed).map((line) => ({ ...line, sale_amount: '1' }));
      const lost = lineAt(world.now - 10 * MINUTE);
      world.record(...corrected, lost);
      const outcome = await world.invoke(DAILY);
      expect(outcome).toMatchObject({ outcome: 'done', braked: isBraked ? changed : 0 });
      expect(countsOf(outcome)).toEqual({
        missing: 1,
        different: changed,
        same: count - changed,
        written: isBraked ? 1 : changed + 1,
      });
      const rows = await world.rows();
      // A new line is no change of a verified one.
      expect(rows).toHaveLength(count + 1);
      if (!isBraked) return world.expectChanged(corrected);
      expect(rows).toEqual(expect.arrayContaining(before));

      // An operator accepts them.
      await world.pass(HOUR);
      const request = {
        sid: SID,
        from: iso(world.now - 28 * DAY),
        reason: 'manual',
        acceptChanges: true,
      };
      expect(await world.invoke(request)).toMatchObject({
        braked: 0,
        counts: { different: changed, written: changed },
      });
      await world.expectChanged(corrected);
    },
  );

  it('holds back values that became empty, and applies what fills empty ones', async () => {
    const start = new ReconciliationWorld();
    const lines = linesBefore(start.now, 10, 1).map((line) => ({ ...line, sku_number: '' }));
    const world = await verifiedWorld(lines, start);
    await world.pass(HOUR);
    world.record(...lines.map((line) => ({ ...line, sku_number: 'NEW', lock_status: 'locked' })));
    expect(await world.invoke(DAILY)).toMatchObject({
      braked: 0,
      counts: { updated: 10, written: 10 },
    });
    await world.pass(HOUR);
    world.record(...lines.map((line) => ({ ...line, u1: '' })));
    expect(await world.invoke(DAILY)).toMatchObject({
      braked: 10,
      counts: { different: 10, written: 0 },
    });
    for (const row of await world.rows())
      expect(row).toMatchObject({ u1: { S: 'm_58813_k4' }, sku_number: { S: 'NEW' } });
  });

  it('holds back withdrawals together with changes, and keeps them for the next run', async () => {
    const start = new ReconciliationWorld();
    const lines = linesBefore(start.now, 10, 2);
    const world = await verifiedWorld(lines, start);
    const [gone, changed] = [lines.slice(0, 3), lines.slice(3, 5)];
    for (const line of gone) world.rakuten.rakuten.eliminate(line);
    await world.pass(DAY);
    expect(await world.invoke(DAILY)).toMatchObject({ braked: 0 });
    world.record(...changed.map((line) => ({ ...line, sale_amount: '1' })));
    await world.pass(DAY);
    expect(await world.invoke(DAILY)).toMatchObject({
      braked: 5,
      counts: { different: 2, withdrawn: 0, written: 0 },
    });
    for (const line of gone) expect((await world.rowOf(line))?.verified_at).toBeDefined();
    await world.pass(HOUR);
    const accepting = {
      sid: SID,
      from: iso(world.now - 28 * DAY),
      reason: 'manual',
      acceptChanges: true,
    };
    expect(await world.invoke(accepting)).toMatchObject({
      braked: 0,
      counts: { different: 2, withdrawn: 3, written: 5 },
    });
  });

  it('holds back nothing for an answer of a line that was unverified', async () => {
    const world = new ReconciliationWorld();
    const lines = linesBefore(world.now, 10, 2);
    for (const line of lines) world.push({ ...line, sale_amount: '1' }, world.now - 20 * DAY);
    await world.consume();
    world.record(...lines);
    expect(await world.invoke(HOURLY)).toMatchObject({
      braked: 0,
      counts: { unverified: 20, written: 20 },
    });
    for (const row of await world.rows()) expect(row.sale_amount?.N).toBe('129.9');
  });
});

describe('a line that the Events API no longer returns', () => {
  /** Two lines a day; one of the middle is eliminated. */
  async function eliminated(changes: LineRecord = {}) {
    const start = new ReconciliationWorld();
    const lines = linesBefore(start.now, 10, 2);
    const gone = { ...lineAt(start.now - 4 * DAY - HOUR), ...changes };
    const world = await verifiedWorld([...lines, gone], start);
    world.rakuten.rakuten.eliminate(gone);
    return { world, gone, lines };
  }
  const stateOf = async (world: ReconciliationWorld, line: LineRecord): Promise<string> => {
    const row = await world.rowOf(line);
    return row?.withdrawn_at === undefined
      ? row?.verified_at === undefined
        ? 'unverified'
        : 'verified'
      : 'withdrawn';
  };

  it('is withdrawn by the second complete read that lacks it, 20 hours after the first', async () => {
    const { world, gone } = await eliminated();
    await world.pass(HOUR);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 20 });
    await world.pass(19 * HOUR);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 20 });
    expect(await stateOf(world, gone)).toBe('verified');
    await world.pass(HOUR + MINUTE);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 20, withdrawn: 1, written: 1 });
    const row = await world.rowOf(gone);
    expect([row?.verified_at, row?.withdrawn_at?.S?.slice(0, 10)]).toEqual([
      undefined,
      iso(world.now).slice(0, 10),
    ]);
    expect(row?.sale_amount?.N).toBe('129.9');
    await world.pass(DAY);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 20 });
    expect(await world.unverifiedIds()).toEqual([]);
  });

  it('is withdrawn also if Rakuten processed it in the second at which two parts of the window meet', async () => {
    const midnight = Date.UTC(2026, 1, 25);
    const { world, gone } = await eliminated({ process_date: iso(midnight) });
    for (let day = 0; day < 2; day += 1) {
      await world.pass(DAY);
      await world.invoke(DAILY);
    }
    expect(await stateOf(world, gone)).toBe('withdrawn');
    expect((await world.rows()).filter((row) => row.withdrawn_at !== undefined)).toHaveLength(1);
  });

  it('is verified again when it is back, with the same content', async () => {
    const { world, gone } = await eliminated();
    for (let day = 0; day < 2; day += 1) {
      await world.pass(DAY);
      await world.invoke(DAILY);
    }
    expect(await stateOf(world, gone)).toBe('withdrawn');
    world.record(gone);
    await world.pass(DAY);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 20, returned: 1, written: 1 });
    expect(await stateOf(world, gone)).toBe('verified');
  });

  it('begins a new count when a read in between returned it', async () => {
    const { world, gone } = await eliminated();
    await world.pass(DAY);
    await world.invoke(DAILY);
    world.record(gone);
    await world.pass(DAY);
    await world.invoke(DAILY);
    world.rakuten.rakuten.eliminate(gone);
    await world.pass(DAY);
    await world.invoke(DAILY);
    expect(await stateOf(world, gone)).toBe('verified');
    await world.pass(DAY);
    await world.invoke(DAILY);
    expect(await stateOf(world, gone)).toBe('withdrawn');
  });

  it.each<[string, LineRecord]>([
    ['an event, as the Events API may not keep those', { is_event: 'Y' }],
  ])('stays if it is %s', async (_, changes) => {
    const { world, gone } = await eliminated(changes);
    for (let day = 0; day < 4; day += 1) {
      await world.pass(DAY);
      await world.invoke(DAILY);
    }
    expect(await stateOf(world, gone)).toBe('verified');
  });

  it('stays if no line before it was returned, as the Events API may not go back that far', async () => {
    const { world, lines } = await eliminated();
    const oldest = lines.slice(-6);
    for (const line of oldest) world.rakuten.rakuten.eliminate(line);
    for (let day = 0; day < 4; day += 1) {
      await world.pass(DAY);
      await world.invoke(DAILY);
    }
    for (const line of oldest) expect(await stateOf(world, line)).toBe('verified');
  });

  it('stays while only hourly runs read, and if it was never verified', async () => {
    const { world, gone } = await eliminated();
    const forged = lineAt(world.now - 4 * DAY);
    world.push(forged, world.now - 4 * DAY);
    await world.consume();
    for (let hour = 0; hour < 30; hour += 1) {
      await world.pass(HOUR);
      await world.invoke(HOURLY);
    }
    expect([await stateOf(world, gone), await stateOf(world, forged)]).toEqual([
      'verified',
      'unverified',
    ]);
    for (let day = 0; day < 3; day += 1) {
      await world.pass(DAY);
      await world.invoke(DAILY);
    }
    expect([await stateOf(world, gone), await stateOf(world, forged)]).toEqual([
      'withdrawn',
      'unverified',
    ]);
  });

  it.each([
    ['12.7 days, and events for 7', { retentionDays: 12.7, eventRetentionDays: 7 }, [] as number[]],
    ['30 days, but no events', { retentionDays: 30, eventRetentionDays: 0 }, []],
    ['30 days, and answers nothing on two days in a row', { retentionDays: 30 }, [8, 9]],
  ])(
    'is never withdrawn falsely where the Events API keeps lines for %s',
    async (_, modes, emptyDays) => {
      const world = new ReconciliationWorld();
      world.rakuten.rakuten.setModes(SID, modes);
      for (let day = 0; day < 20; day += 1) {
        world.record(
          ...Array.from({ length: 6 }, (_line, index) =>
            lineAt(world.now + index * HOUR, { is_event: index % 3 === 0 ? 'Y' : 'N' }),
          ),
        );
        await world.pass(DAY);
        if (emptyDays.includes(day))
          world.rakuten.rakuten.faults.add({
            operation: 'events',
            times: 1000,
            status: 404,
            body: '{"message":"No records found"}',
          });
        await world.invoke(DAILY);
        world.rakuten.rakuten.faults.clear();
      }
      for (const row of await world.rows()) expect(row.withdrawn_at).toBeUndefined();
    },
    120_000,
  );
});

describe('an answer that counts as a push', () => {
  it('has an unreadable amount: the row stays unverified and in the report until the amount can be read', async () => {
    const world = new ReconciliationWorld();
    world.rakuten.rakuten.setModes(SID, {
      unreadable: { side: 'events-api', fields: ['sale_amount'], share: 1, hours: 30 },
    });
    const [pushed, lost] = [lineAt(world.now - HOUR), lineAt(world.now - HOUR)];
    world.record(pushed, lost);
    world.push(pushed);
    await world.consume();
    expect(countsOf(await world.invoke(HOURLY))).toEqual({ unreadable: 2, written: 2 });
    expect((await world.unverifiedIds()).sort()).toEqual([id(pushed), id(lost)].sort());
    expect(await world.rowOf(pushed)).toMatchObject({
      sale_amount: { N: '129.9' },
      source: { S: 'push' },
    });
    expect(await world.rowOf(lost)).toMatchObject({
      source: { S: 'events-api' },
      parse_problems: { L: [{ S: 'sale_amount: not a number: "n/a"' }] },
    });
    await world.pass(31 * HOUR);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ unverified: 2, written: 2 });
    expect(await world.unverifiedIds()).toEqual([]);
  });

  it('has an unreadable amount on a verified line: the row stays as it was', async () => {
    const start = new ReconciliationWorld();
    const line = lineAt(start.now - HOUR);
    const world = await verifiedWorld([line], start);
    const { sale_amount, verified_at, updated_at } = (await world.rowOf(line)) ?? {};
    world.record({ ...line, sale_amount: '1,5' });
    await world.pass(HOUR);
    expect(countsOf(await world.invoke(HOURLY))).toEqual({ unreadable: 1, written: 1 });
    expect(await world.rowOf(line)).toMatchObject({ sale_amount, verified_at });
    // The first push gives the row another source.
    expect(updated_at).toBeDefined();
    await world.pass(HOUR);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ unreadable: 1 });
  });

  it('has a reused ID: the row keeps the line that came first, and each run counts the other', async () => {
    const start = new ReconciliationWorld();
    const line = lineAt(start.now - 2 * DAY, { order_id: 'FIRST' });
    const world = await verifiedWorld([line], start);
    const { verified_at } = (await world.rowOf(line)) ?? {};
    const other = {
      ...lineAt(world.now - DAY, {
        etransaction_id: id(line),
        order_id: 'SECOND',
        sale_amount: '1',
      }),
    };
    world.rakuten.rakuten.record(other, { reusesId: true });
    await world.pass(HOUR);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 1, reused: 1, written: 1 });
    const row = await world.rowOf(line);
    expect(row).toMatchObject({
      order_id: { S: 'FIRST' },
      sale_amount: { N: '129.9' },
      verified_at,
    });
    expect(await world.rows()).toHaveLength(1);
    await world.pass(DAY);
    expect(countsOf(await world.invoke(DAILY))).toEqual({ same: 1, reused: 1 });
  });
});

describe('a row that cannot be written', () => {
  it('does not stop the others; the run fails and names it, and a later run writes it', async () => {
    const world = new ReconciliationWorld();
    const lines = linesBefore(world.now, 5, 4);
    const poison = lines[7] ?? {};
    world.record(...lines);
    world.beforeRequest = (command) => {
      if (isRowWrite(command) && JSON.stringify(command.input).includes(id(poison)))
        throw new Error('the item is too large');
    };
    const outcome = await world.invoke(HOURLY);
    expect(String(outcome)).toContain(
      `1 line could not be written, all others were: ${SID}#${id(poison)} N (Error: the item is too large)`,
    );
    expect(await world.rows()).toHaveLength(lines.length - 1);
    expect(await world.notes.read(SID)).toEqual({});
    world.beforeRequest = () => {};
    expect(await world.invoke(HOURLY)).toMatchObject({
      outcome: 'done',
      job: { reason: 'backfill' },
      counts: { missing: 1, written: 1 },
    });
    await world.expectComplete(new Set());
  });

  it('stops the run where there are many, as the table is at fault then', async () => {
    const world = new ReconciliationWorld();
    world.record(...linesBefore(world.now, 10, 20));
    let writes = 0;
    world.beforeRequest = (command) => {
      if (!isRowWrite(command)) return;
      writes += 1;
      throw new Error('no permission');
    };
    expect(String(await world.once(HOURLY))).toMatch(
      /^UnwrittenLinesError: \d+ lines could not be written.*and \d+ more$/,
    );
    expect(writes).toBeLessThan(100);
  });

  it('because DynamoDB throttles is written when it does so no longer', async () => {
    const world = new ReconciliationWorld();
    world.record(...linesBefore(world.now, 5, 4));
    let refusals = 0;
    world.beforeRequest = (command) => {
      refusals += 1;
      if (isRowWrite(command) && refusals < 60)
        throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
    };
    expect(await world.invoke(HOURLY)).toMatchObject({ outcome: 'done', counts: { written: 20 } });
    await world.expectComplete(new Set());
  });
});

describe('a dry run', () => {
  it('lists what a run would do, and writes nothing', async () => {
    const start = new ReconciliationWorld();
    const [same, changed, gone, ...others] = linesBefore(start.now, 10, 1);
    if (same === undefined || changed === undefined || gone === undefined)
      throw new Error('no lines');
    const world = await verifiedWorld([same, changed, gone, ...others], start);
    world.rakuten.rakuten.eliminate(gone);
    await world.pass(DAY);
    await world.invoke(DAILY);
    const [missing, unverified] = [lineAt(world.now - HOUR), lineAt(world.now - HOUR)];
    world.record({ ...changed, sale_amount: '1' }, missing, unverified);
    world.push({ ...unverified, u1: 'other' });
    await world.consume();
    await world.pass(DAY);
    world.archived.length = 0;
    const [rows, note, marks] = [
      await world.rows(),
      await world.notes.read(SID),
      await world.missingLines.read(SID),
    ];
    const request = {
      sid: SID,
      from: iso(world.now - 28 * DAY),
      reason: 'manual',
      dryRun: true,
      acceptChanges: true,
    };
    const outcome = await world.invoke(request);
    expect(countsOf(outcome)).toEqual({ missing: 1, unverified: 1, different: 1, same: 8 });
    const differences = 'differences' in outcome ? outcome.differences : [];
    expect(
      Object.fromEntries(
        differences.map(({ what, line_id, fields }) => [what, [line_id, fields.length]]),
      ),
    ).toEqual({
      missing: [`${SID}#${id(missing)}`, 13],
      unverified: [`${SID}#${id(unverified)}`, 1],
      different: [`${SID}#${id(changed)}`, 1],
      withdrawn: [`${SID}#${id(gone)}`, 0],
    });
    expect([
      await world.rows(),
      await world.notes.read(SID),
      await world.missingLines.read(SID),
      world.archived,
    ]).toEqual([rows, note, marks, []]);
  });

  it('says how many changes the brake would hold back', async () => {
    const start = new ReconciliationWorld();
    const lines = linesBefore(start.now, 10, 1);
    const world = await verifiedWorld(lines, start);
    world.record(...lines.map((line) => ({ ...line, sale_amount: '1' })));
    await world.pass(HOUR);
    const request = { sid: SID, from: iso(world.now - 28 * DAY), reason: 'manual', dryRun: true };
    expect(await world.invoke(request)).toMatchObject({
      braked: 10,
      counts: { different: 10, written: 0 },
    });
  });
});

describe('the archive of a run', () => {
  it('has each answer that the run wrote, with what it did, and no other', async () => {
    const start = new ReconciliationWorld();
    const [same = {}, changed = {}, ...others] = linesBefore(start.now, 5, 2);
    const world = await verifiedWorld([same, changed, ...others], start);
    world.archived.length = 0;
    const missing = lineAt(world.now - HOUR, { product_name: 'Gr\u00f6\u00dfe & Farbe' });
    world.record({ ...changed, sale_amount: '1' }, missing);
    await world.pass(HOUR);
    await world.invoke(DAILY);
    const { job } = world.outcomes.at(-1) as { job: { runId: string } };
    expect(
      world.archived
        .map(({ query, ...record }) => record)
        .sort((a, b) => (a.outcome < b.outcome ? -1 : 1)),
    ).toEqual([
      {
        received_at: expect.any(String),
        request_id: job.runId,
        source: 'events-api',
        outcome: 'different',
        line_id: `${SID}#${id(changed)}`,
        is_event: 'N',
      },
      {
        received_at: expect.any(String),
        request_id: job.runId,
        source: 'events-api',
        outcome: 'missing',
        line_id: `${SID}#${id(missing)}`,
        is_event: 'N',
      },
    ]);
    const query = world.archived.find(({ outcome }) => outcome === 'missing')?.query;
    expect(new URLSearchParams(query).get('product_name')).toBe(missing.product_name);
  });

  it('has no answer that the brake held back', async () => {
    const start = new ReconciliationWorld();
    const lines = linesBefore(start.now, 10, 1);
    const world = await verifiedWorld(lines, start);
    world.archived.length = 0;
    world.record(...lines.map((line) => ({ ...line, sale_amount: '1' })));
    await world.pass(HOUR);
    await world.invoke(DAILY);
    expect(world.archived).toEqual([]);
  });
});

describe('the function', () => {
  it('does not wait to count unverified rows when a daily run has used its time', async () => {
    const world = new ReconciliationWorld();
    await world.once(HOURLY);
    const line = lineAt(world.now + HOUR);
    world.record(line);
    world.push(line);
    await world.consume();
    await world.pass(2 * HOUR);
    const end = world.now + 15 * MINUTE;
    let counts = 0;
    const { open: _, ...ports } = world.jobPorts();
    const reconciler = new Reconciler({
      ...ports,
      settings: { ...SETTINGS, unverifiedAfterSeconds: 3600 },
      readStates: async () => (world.state === undefined ? [] : [world.state]),
      readSecret: async () => CREDENTIALS,
      rakutenApiUrl: 'https://api.linksynergy.com',
      archive: {
        put: async () => {
          await world.pass(14.5 * MINUTE);
          return new Map();
        },
      },
      unverifiedRows: async function* () {
        counts += 1;
        yield* [];
      },
      invokeSelf: async () => {},
      log: new Log('test'),
      metrics: new Metrics('test', 'test'),
      http: world.rakuten.send,
    });
    const stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    const context = {
      awsRequestId: '1',
      getRemainingTimeInMillis: () => end - world.now,
    } as Context;
    const result = await reconciler.handle(DAILY, context).finally(() => stdout.mockRestore());
    expect(result).toMatchObject({ outcome: 'done', counts: { unverified: 1 } });
    expect(world.now).toBeLessThan(end);
    expect(counts).toBe(0);
  });

  it('names windows in UTC, to the second, in its calls', async () => {
    const world = new ReconciliationWorld();
    const calls: string[] = [];
    const call = async ({ path }: { path: string }) => {
      calls.push(path);
      return { status: 200, headers: {}, body: '[]' };
    };
    await eventsPages({ call } as never, () => world.now)(
      { from: Date.UTC(2026, 2, 1), to: Date.UTC(2026, 2, 1, 23, 59, 59) },
      3,
      1000,
    );
    expect(calls).toEqual([
      '/events/1.0/transactions?process_date_start=2026-03-01+00%3A00%3A00&process_date_end=2026-03-01+23%3A59%3A59&limit=1000&page=3',
    ]);
  });
});
