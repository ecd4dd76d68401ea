import type { Context } from 'aws-lambda';
import fc from 'fast-check';
import { RakutenError } from '../../core/rakuten/errors';
import { type EventsRecord, type EventsWindow, eventsPages, type ReadPage, readRecords } from '../../core/rakuten/events';
import { type Position, walk } from '../../core/rakuten/events-walk';
import { ALL_FIELDS } from '../../core/rakuten/fields';
import { writeEventsApiMessage } from '../../core/rakuten/message';
import { compare } from '../../core/reconciliation/compare';
import { deliveryRate } from '../../core/reconciliation/counts';
import { eventsApiLine, recordParameters } from '../../core/reconciliation/line';
import { reconcilablePublisher } from '../../core/reconciliation/publisher';
import { parseRequest } from '../../core/reconciliation/request';
import { clamp, coveredAfter, LONGEST_LOOK_BACK_MILLIS, scheduledWindow } from '../../core/reconciliation/window';
import { Reconciler } from '../../lambda/reconciliation/reconciler';
import { Log } from '../../lambda/runtime/log';
import { Metrics } from '../../lambda/runtime/metrics';
import { postbackDay } from '../../local/day';
import type { LineRecord } from '../../local/fake-rakuten';
import { eventsDate } from '../../local/fake-rakuten/events';
import { DAY, HOUR, MINUTE, ReconciliationWorld, SETTINGS, SID, stateWith } from '../support/reconciliation-world';
import { CREDENTIALS } from '../support/registration-world';

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

const idsOf = (records: readonly EventsRecord[]): string[] => records.map((record) => String(record.etransaction_id));

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
    const processed = lines.map((line) => ({ line, second: Math.floor(Date.parse(line.process_date ?? '') / 1000) * 1000 }));
    processed.sort((a, b) => order * (a.second - b.second));
    const read = async (window: EventsWindow, page: number, size: number): Promise<EventsRecord[]> => {
      result.calls += 1;
      const isInside = (second: number): boolean => second >= window.from && (endIn ? second <= window.to : second < window.to);
      const inside = processed.filter(({ second }) => isInside(second)).map(({ line }) => line);
      const served = Math.min(size, cap);
      return inside.slice((page - 1) * served, page * served);
    };
    const result = Object.assign(read, { calls: 0 });
    return result;
  }

  async function collect(pages: AsyncIterable<{ records: readonly EventsRecord[]; next: Position | undefined }>) {
    const found: string[] = [];
    const positions: (Position | undefined)[] = [];
    for await (const { records, next } of pages) {
      found.push(...idsOf(records));
      positions.push(next);
    }
    return { found, positions };
  }

  const lines = (fromSeconds: readonly number[]): LineRecord[] => fromSeconds.map((seconds) => lineAt(START + seconds * 1000));
  const scattered = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 * 86_400 }), fc.integer({ min: 50_000, max: 50_004 })), {
    maxLength: 80,
  });

  it('brings every line, whatever the order of the pages, the size of them and the end that Rakuten counts in', async () => {
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
        const { found, positions } = await collect(walk(reader(all, { order, endIn }), window, options));
        expect(new Set(found)).toEqual(new Set(idsOf(all)));
        expect(positions.at(-1)).toBeUndefined();
        expect(positions.slice(0, -1)).not.toContain(undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('goes on from any place where it stopped', async () => {
    await fc.assert(
      fc.asyncProperty(scattered, fc.integer({ min: 2, max: 12 }), fc.nat(), async (at, pageSize, stop) => {
        const all = lines(at);
        const window = { from: START, to: START + 3 * DAY };
        const before: string[] = [];
        let position: Position | undefined = { from: window.from };
        let pages = 0;
        for await (const { records, next } of walk(reader(all), window, { pageSize, maxPages: 2 })) {
          before.push(...idsOf(records));
          position = next;
          pages += 1;
          if (pages > stop % 8) break;
        }
        const rest = position === undefined ? [] : (await collect(walk(reader(all), window, { pageSize, maxPages: 2 }, position))).found;
        expect(new Set([...before, ...rest])).toEqual(new Set(idsOf(all)));
      }),
      { numRuns: 200 },
    );
  });

  it('takes few calls for a quiet month, and few more pages than lines need for a busy one', async () => {
    const quiet = reader(lines([5, 86_400, 20 * 86_400]));
    await collect(walk(quiet, { from: START, to: START + 29 * DAY }));
    expect(quiet.calls).toBe(29);

    const busy = reader(lines(Array.from({ length: 20_000 }, (_, i) => i * 8)));
    await collect(walk(busy, { from: START, to: START + 2 * DAY }, { pageSize: 100, maxPages: 10 }));
    expect(busy.calls).toBeLessThan(2 * (20_000 / 100));
  });

  it('reads a second with more lines than pages are allowed', async () => {
    const all = lines(Array.from({ length: 500 }, () => 40_000));
    const { found } = await collect(walk(reader(all), { from: START, to: START + DAY }, { pageSize: 20, maxPages: 3 }));
    expect(new Set(found)).toEqual(new Set(idsOf(all)));
  });

  it('is not taken in by a server that gives fewer lines than were asked for', async () => {
    const all = lines(Array.from({ length: 730 }, (_, i) => i * 60));
    const { found } = await collect(walk(reader(all, { cap: 100 }), { from: START, to: START + DAY }));
    expect(new Set(found)).toEqual(new Set(idsOf(all)));
  });

  it('asks for fewer lines where the server refuses so many at once, and once only', async () => {
    const all = lines(Array.from({ length: 230 }, (_, i) => i * 600));
    const served = reader(all);
    const limits: number[] = [];
    const call = async ({ path }: { path: string }) => {
      const query = new URL(path, 'https://api.test').searchParams;
      const [limit, page] = [Number(query.get('limit')), Number(query.get('page'))];
      limits.push(limit);
      if (limit > 100) throw new RakutenError({ kind: 'refused', operation: 'events', sid: SID, status: 400 });
      const window = { from: Date.parse(`${query.get('process_date_start')}Z`), to: Date.parse(`${query.get('process_date_end')}Z`) };
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

  it('refuses to read the same page for ever', async () => {
    const page = lines(Array.from({ length: 10 }, () => 5));
    const stuck = walk(async () => page, { from: START, to: START + DAY }, { pageSize: 10 });
    await expect(collect(stuck)).rejects.toThrow('page 2 with the same 10 lines');
  });
});

describe('the window of a run', () => {
  const now = Date.UTC(2026, 3, 20, 12, 0, 0, 500);

  it('follows from the clock when an earlier run has been there', () => {
    const hourAgo = now - HOUR;
    expect(scheduledWindow('hourly', SETTINGS, hourAgo, now)).toEqual({ from: now - 3 * HOUR, to: now, isBackfill: false });
    expect(scheduledWindow('daily', SETTINGS, hourAgo, now)).toEqual({ from: now - 14 * DAY, to: now, isBackfill: false });
  });

  it('reaches back to the last run that succeeded, and to the beginning when nobody knows of one', () => {
    expect(scheduledWindow('hourly', SETTINGS, now - 30 * HOUR, now)).toEqual({ from: now - 32 * HOUR, to: now, isBackfill: false });
    expect(scheduledWindow('hourly', SETTINGS, undefined, now)).toEqual({ from: now - 29 * DAY, to: now, isBackfill: true });
    const without = { ...SETTINGS, backfillSeconds: 0 };
    expect(scheduledWindow('hourly', without, undefined, now)).toEqual({ from: now - 3 * HOUR, to: now, isBackfill: false });
  });

  it('is what Rakuten can tell, on whole seconds, without what is still on its way', () => {
    const window = clamp({ from: 0, to: now + DAY }, 0, now);
    expect(window).toEqual({ from: Math.floor((now - LONGEST_LOOK_BACK_MILLIS) / 1000) * 1000, to: Date.UTC(2026, 3, 20, 11, 58) });
    expect(clamp({ from: 0, to: now }, now - DAY, now).from).toBe(Math.floor((now - DAY) / 1000) * 1000);
  });

  it('is noted as covered only where it leaves no gap', () => {
    expect(coveredAfter({ from: 10, to: 20 }, true, undefined)).toBe(20);
    expect(coveredAfter({ from: 10, to: 20 }, false, undefined)).toBeUndefined();
    expect(coveredAfter({ from: 10, to: 20 }, true, 12)).toBe(20);
    expect(coveredAfter({ from: 10, to: 20 }, false, 25)).toBe(25);
    expect(coveredAfter({ from: 10, to: 20 }, false, 12)).toBe(20);
    expect(coveredAfter({ from: 10, to: 20 }, false, 9)).toBe(9);
    // A run of the schedule begins there where it may: what is earlier is beyond what Rakuten tells, or left alone.
    expect(coveredAfter({ from: 10, to: 20 }, true, 9)).toBe(20);
  });
});

describe('the comparison of a line with its row', () => {
  const at = Date.UTC(2026, 2, 1, 10, 0, 0, 250);
  const record = (line: LineRecord, changes: EventsRecord = {}): EventsRecord => ({
    ...line,
    process_date: eventsDate(line.process_date ?? ''),
    transaction_date: eventsDate(line.transaction_date ?? ''),
    ...changes,
  });
  const told = (line: EventsRecord) =>
    eventsApiLine({ sid: SID, receivedAt: iso(at + HOUR), requestId: 'hourly-1', parameters: recordParameters(line) });

  async function rowOf(line: LineRecord) {
    const world = new ReconciliationWorld();
    world.push(line, at);
    await world.consume();
    const [row] = world.table.rows();
    return row;
  }

  it.each<[string, LineRecord, EventsRecord]>([
    ['times without milliseconds', {}, {}],
    ['a number without its zeros', { sale_amount: '10.500', quantity: '1.0' }, { sale_amount: '10.5', quantity: '1' }],
    ['a number with an exponent', { commissions: '0.00000012' }, { commissions: '1.2e-7' }],
    ['a number that went through a float', { sale_amount: '19.989999771118164' }, { sale_amount: '19.99' }],
    ['spaces around a name', { product_name: ' Sterling Silver Bracelet ' }, { product_name: 'Sterling Silver Bracelet' }],
    ['a boolean event flag', { is_event: 'Y' }, { is_event: true }],
    ['other names and nulls', { sku_number: '' }, { sku_number: null, offer: '881204', offer_id: undefined }],
    ['empty fields', { u1: '' }, { u1: '', commissions_list_id: '' }],
  ])('finds no difference in %s', async (_, pushed, api) => {
    const line = lineAt(at, pushed);
    const row = await rowOf(line);
    const { standing, differences } = compare(told(record(line, api)), row);
    expect({ standing, differences }).toEqual({ standing: 'unverified', differences: [] });
  });

  it('says the same again once it is confirmed, and nothing is to be written', async () => {
    const world = new ReconciliationWorld();
    const line = lineAt(at);
    world.push(line, at);
    const parameters = recordParameters(record(line));
    world.queue.push(writeEventsApiMessage({ sid: SID, receivedAt: iso(at + HOUR), requestId: 'hourly-1', parameters }));
    await world.consume();
    const [row] = world.table.rows();
    expect(row?.verified_at?.S).toBe(iso(at + HOUR));
    const later = eventsApiLine({ sid: SID, receivedAt: iso(at + DAY), requestId: 'daily-1', parameters });
    expect(compare(later, row)).toMatchObject({ standing: 'same', changesTable: false });
    const withMore = eventsApiLine({
      sid: SID,
      receivedAt: iso(at + DAY),
      requestId: 'daily-1',
      parameters: [...parameters, ['lock_status', 'locked']],
    });
    expect(compare(withMore, row)).toMatchObject({ standing: 'incomplete', changesTable: true });
  });

  it('names what is really different', async () => {
    const line = lineAt(at);
    const row = await rowOf(line);
    expect(compare(told(record(line, { sale_amount: '-129.9', u1: 'm_2' })), row)).toMatchObject({
      standing: 'different',
      changesTable: true,
      differences: [
        { field: 'sale_amount', row: '129.9', rakuten: '-129.9' },
        { field: 'u1', row: 'm_58813_k4', rakuten: 'm_2' },
      ],
    });
    expect(compare(told(record(line)), undefined).standing).toBe('missing');
  });

  it('takes a row that an application began as no line yet', () => {
    expect(compare(told(record(lineAt(at))), { order_key: { S: 'x' }, note: { S: 'ours' } }).standing).toBe('missing');
  });
});

describe('the publisher', () => {
  const retired = (fields: typeof ALL_FIELDS, acceptedUntil: string) => ({ secretSha256: '', fieldListId: 'x', fields, acceptedUntil });
  const subset = ALL_FIELDS.filter(({ name }) => name !== 'order_id');

  it('must be registered, with a URL that tells lines apart', () => {
    expect(() => reconcilablePublisher(SID, undefined)).toThrow('not registered');
    expect(() => reconcilablePublisher(SID, stateWith(subset))).toThrow('does not ask for order_id');
    const withoutSid = ALL_FIELDS.filter(({ name }) => name !== 'sid');
    expect(reconcilablePublisher(SID, stateWith(withoutSid))).toMatchObject({ comparableSince: 0 });
  });

  it('is compared from the time on at which its URL did', () => {
    const state = stateWith(ALL_FIELDS, retired(subset, '2026-03-02T00:00:00.000Z'));
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
])('an event %j is refused', (event, message) => expect(() => parseRequest(event, Date.UTC(2026, 2, 3))).toThrow(message));

describe('the runs of an installation', () => {
  jest.setTimeout(60_000);

  /** Lines of the last days, some of them lost. Gives the ids of those that were pushed. */
  async function fill(world: ReconciliationWorld, days: number, lost: (index: number) => boolean): Promise<Set<string>> {
    const pushed = new Set<string>();
    await world.pass(HOUR);
    for (let day = 1; day <= days; day += 1) {
      const lines = postbackDay({ seed: day, sid: SID, day: new Date(world.now - day * DAY), orders: 40 });
      for (const [index, { line, redelivery }] of lines.entries()) {
        // Confirmed lines come with their events of weeks before, which are beyond what Rakuten tells.
        if (redelivery || Date.parse(line.process_date ?? '') < world.now - 28 * DAY) continue;
        world.rakuten.rakuten.record(line);
        if (lost(index)) continue;
        pushed.add(line.etransaction_id ?? '');
        world.push(line, Date.parse(line.process_date ?? ''));
      }
    }
    return pushed;
  }

  async function settle(world: ReconciliationWorld): Promise<number> {
    const messages = world.queue.length;
    await world.consume();
    return messages;
  }

  it('begin with a backfill, fetch what is lost, confirm what came, and then send nothing more', async () => {
    const world = new ReconciliationWorld();
    world.settings = { ...SETTINGS, dailyWindowSeconds: 29 * 86_400 };
    const pushed = await fill(world, 10, (index) => index % 5 === 0);
    await world.consume();
    const first = await world.invoke({ sid: SID, run: 'hourly' });
    expect(first).toMatchObject({ outcome: 'done', job: { reason: 'backfill' } });
    expect(await settle(world)).toBe(world.rakuten.rakuten.ledger(SID).length);
    world.expectComplete(pushed);

    await world.pass(HOUR);
    const keysRead = world.table.keysRead;
    expect(await world.invoke({ sid: SID, run: 'daily' })).toMatchObject({ outcome: 'done', job: { reason: 'daily' } });
    expect(await settle(world)).toBe(0);
    expect(world.table.keysRead - keysRead).toBe(world.rakuten.rakuten.ledger(SID).length);
  });

  it('repair any pattern of loss, whatever fails on the way, without a second row and without a change that is none', async () => {
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
        sendFails: fc.boolean(),
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
        world.settings = { ...SETTINGS, backfillSeconds: 2 * 86_400, dailyWindowSeconds: 2 * 86_400 };
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
            for (let push = 0; push < pushes; push += 1) world.push(line, start + offset + push * 1000);
            if (pushes > 0) pushed.add(line.etransaction_id ?? '');
            late.push({ at: start + shownAfter * HOUR, line });
          }
          await world.pass(HOUR);
          for (const { line } of late.filter(({ at }) => at < world.now)) world.rakuten.rakuten.record(line);
          if (!hour.consumerIsLate) await world.consume();
          if (hour.fault !== undefined) world.rakuten.rakuten.faults.add({ operation: 'events', times: hour.faultTimes, ...hour.fault });
          let sends = 0;
          world.beforeSend = (messages) => {
            sends += 1;
            if (!hour.sendFails || sends % 3 !== 0 || messages.length === 0) return;
            // Some of them were taken before the connection broke.
            world.queue.push(...messages.slice(0, 1));
            throw new Error('SQS is ill');
          };
          for (let run = 0; run < { hourly: 1, none: 0, twice: 2 }[hour.runs]; run += 1) await world.invoke({ sid: SID, run: 'hourly' });
          world.rakuten.rakuten.faults.clear();
          world.beforeSend = () => {};
        }
        await world.pass(6 * HOUR);
        for (const { line } of late) world.rakuten.rakuten.record(line);
        await world.consume();
        expect(await world.invoke({ sid: SID, run: 'daily' })).toMatchObject({ outcome: 'done' });
        await world.consume();
        world.expectComplete(pushed);
        await world.pass(HOUR);
        await world.invoke({ sid: SID, run: 'daily' });
        expect(world.queue).toEqual([]);
      }),
      { numRuns: Number(process.env.RECONCILIATION_RUNS ?? 25) },
    );
  });

  it('make good the hour in which Rakuten failed, with the next hourly run', async () => {
    const world = new ReconciliationWorld();
    await world.invoke({ sid: SID, run: 'hourly' });
    for (let hour = 0; hour < 9; hour += 1) {
      world.rakuten.rakuten.record(lineAt(world.now + 10 * MINUTE));
      await world.pass(HOUR);
      world.rakuten.rakuten.faults.add({ operation: 'events', times: 10_000, status: 503 });
      const failed = await world.invoke({ sid: SID, run: 'hourly' });
      expect((failed as Error).message).toContain('could not read transactions from the Events API of SID 3900112: HTTP 503');
      expect((failed as Error).message).toContain('the next run reads the same time again');
      world.rakuten.rakuten.faults.clear();
    }
    await world.invoke({ sid: SID, run: 'hourly' });
    await world.consume();
    expect(world.table.rows()).toHaveLength(9);
    world.expectComplete(new Set());
  });

  it('wait out a 403 that is a rate limit, and never exceed the calls a minute by themselves', async () => {
    const world = new ReconciliationWorld();
    await fill(world, 4, () => true);
    world.walk = { pageSize: 2 };
    world.rakuten.rakuten.behaviour.callsPerMinute = 100;
    world.rakuten.rakuten.faults.add({ operation: 'events', skip: 5, times: 4, status: 403 });
    expect(await world.invoke({ sid: SID, run: 'hourly' })).toMatchObject({ outcome: 'done' });
    const refused = world.rakuten.rakuten.calls.filter(({ status }) => status === 403);
    expect(refused).toHaveLength(4);
    expect(world.rakuten.rakuten.calls.length).toBeGreaterThan(200);
    await world.consume();
    world.expectComplete(new Set());
  });

  it('read a busy account over several invocations, of which no other run gets in between', async () => {
    const world = new ReconciliationWorld();
    await fill(world, 12, () => true);
    world.walk = { pageSize: 3 };
    world.invocationMillis = 7 * MINUTE + 5_000;
    const outcomes = [];
    let event: unknown = { sid: SID, run: 'hourly' };
    while (event !== undefined) {
      let rest: unknown;
      outcomes.push(
        await world.once(event, (request) => {
          rest = { sid: SID, rest: JSON.parse(JSON.stringify({ ...request, sid: undefined })) };
        }),
      );
      if (rest !== undefined) expect(await world.once({ sid: SID, run: 'hourly' }, () => {})).toEqual({ outcome: 'busy' });
      event = rest;
    }
    expect(outcomes.length).toBeGreaterThan(2);
    expect(outcomes.map((outcome) => (outcome as { outcome: string }).outcome)).toEqual([
      ...outcomes.slice(1).map(() => 'continues'),
      'done',
    ]);
    await world.consume();
    world.expectComplete(new Set());
    expect((await world.notes.read(SID)).coveredUntil).toBe((outcomes[0] as { job: { window: EventsWindow } }).job.window.to);
  });

  it('end with what they found although the lease cannot be given back', async () => {
    const world = new ReconciliationWorld();
    world.notes.releaseLease = async () => {
      throw new Error('DynamoDB is ill');
    };
    expect(await world.invoke({ sid: SID, run: 'hourly' })).toMatchObject({ outcome: 'done' });
    expect(await world.once({ sid: SID, run: 'hourly' }, () => {})).toMatchObject({ outcome: 'done' });
  });

  it.each([
    ['an empty list', undefined],
    ['404 and a message, as with an empty slot', { status: 404, body: '{"message":"No records found"}' }],
    ['no content', { status: 204, body: '' }],
  ])('find an empty account empty, told by %s', async (_, answer) => {
    const world = new ReconciliationWorld();
    if (answer !== undefined) world.rakuten.rakuten.faults.add({ operation: 'events', times: 1000, ...answer });
    expect(await world.invoke({ sid: SID, run: 'hourly' })).toMatchObject({ outcome: 'done', counts: { missing: 0, same: 0 } });
    expect(world.queue).toEqual([]);
    expect((await world.notes.read(SID)).succeededAt).toBe(world.now);
  });

  it.each([
    ['ahead', 20 * MINUTE],
    ['behind', -20 * MINUTE],
  ])("do not mind Rakuten's clock going %s", async (_, skew) => {
    const world = new ReconciliationWorld();
    await world.invoke({ sid: SID, run: 'hourly' });
    for (let hour = 0; hour < 4; hour += 1) {
      for (let tenth = 0; tenth < 10; tenth += 1) world.rakuten.rakuten.record(lineAt(world.now + tenth * 6 * MINUTE + skew));
      await world.pass(HOUR);
      await world.invoke({ sid: SID, run: 'hourly' });
    }
    await world.pass(HOUR);
    await world.invoke({ sid: SID, run: 'hourly' });
    await world.consume();
    world.expectComplete(new Set());
  });

  it('leave the lines of other publishers, whom the token serves too, to their own runs', async () => {
    const world = new ReconciliationWorld();
    const [mine, other] = [lineAt(world.now - DAY), lineAt(world.now - DAY, { sid: '3900113' })];
    world.rakuten.rakuten.record(mine);
    // A token that is good for everything shows everything.
    const all = world.rakuten.rakuten as unknown as { events: unknown; ledger: (sid: string) => LineRecord[] };
    const ledger = all.ledger.bind(all);
    all.ledger = (sid) => [...ledger(sid), other];
    expect(await world.invoke({ sid: SID, run: 'hourly' })).toMatchObject({ counts: { missing: 1, sent: 1 } });
    await world.consume();
    expect(world.table.rows().map((row) => row.sid?.S)).toEqual([SID]);
  });

  it('do not store a line twice that has no transaction id', async () => {
    const world = new ReconciliationWorld();
    const unnamed = lineAt(world.now - DAY + 123, { etransaction_id: '' });
    const lost = lineAt(world.now - DAY + 456, { etransaction_id: '', product_name: 'Mug' });
    world.rakuten.rakuten.record({ ...unnamed, etransaction_id: undefined });
    world.rakuten.rakuten.record({ ...lost, etransaction_id: undefined });
    world.push(unnamed);
    await world.consume();
    await world.invoke({ sid: SID, run: 'hourly' });
    await world.consume();
    expect(world.table.rows().map(({ source, product_name }) => [source?.S, product_name?.S])).toEqual([
      ['push', 'Wireless headphones, black'],
      ['events-api', 'Mug'],
    ]);
    await world.pass(HOUR);
    await world.invoke({ sid: SID, run: 'daily' });
    expect(world.queue).toEqual([]);
  });

  it.each([
    ['C+1', 'C 1'],
    ['A&B', 'A'],
    ['7#1', '7'],
    ['\u00dc-1', '\ufffd-1'],
    ['&1', ''],
  ])('know a line again whose order id %j came unescaped, as %j', async (orderId, pushed) => {
    const world = new ReconciliationWorld();
    const line = lineAt(world.now - DAY, { order_id: orderId });
    const { etransaction_id } = line;
    // Neither an event with the same id nor a line of another publisher is this one.
    world.push(lineAt(world.now - DAY, { etransaction_id, order_id: pushed, is_event: 'Y' }));
    world.push(lineAt(world.now - DAY, { etransaction_id, order_id: pushed, sid: '3900113' }));
    world.push({ ...line, order_id: pushed });
    world.rakuten.rakuten.record(line);
    await world.consume();
    expect(await world.invoke({ sid: SID, run: 'hourly' })).toMatchObject({ counts: { missing: 0, unverified: 1, sent: 1 } });
    await world.consume();
    expect(world.table.rows()).toHaveLength(3);
    const verified = world.table.rows().filter((row) => row.verified_at !== undefined);
    expect(verified.map((row) => [row.source?.S, row.order_id?.S, row.extra?.M])).toEqual([
      ['push', pushed || undefined, { events_api_order_id: { S: orderId } }],
    ]);
    expect(await world.invoke({ sid: SID, run: 'daily' })).toMatchObject({ counts: { same: 1, sent: 0 } });
  });

  it('do not send a line over and over that has neither transaction id nor order id, and of which something cannot be read', async () => {
    const world = new ReconciliationWorld();
    world.rakuten.rakuten.record(
      lineAt(world.now - DAY, { etransaction_id: undefined, order_id: undefined, currency: '', sale_amount: '1,50' }),
    );
    await world.invoke({ sid: SID, run: 'hourly' });
    await world.consume();
    expect(world.table.rows()).toHaveLength(1);
    expect(await world.invoke({ sid: SID, run: 'daily' })).toMatchObject({ counts: { missing: 0, sent: 0, same: 1 } });
  });

  it('take a window that somebody asks for, and leave out what Rakuten no longer tells', async () => {
    const world = new ReconciliationWorld();
    const [before, inside] = [lineAt(world.now - 5 * HOUR), lineAt(world.now - 3 * HOUR)];
    for (const line of [before, inside]) world.rakuten.rakuten.record(line);
    const gap = { sid: SID, from: iso(world.now - 4 * HOUR), to: iso(world.now - 2 * HOUR), reason: 'was-disabled' };
    expect(await world.invoke(gap)).toMatchObject({
      outcome: 'done',
      job: { reason: 'was-disabled', outOfReachMillis: 0 },
      counts: { missing: 1 },
    });
    await world.consume();
    expect(world.table.rows().map((row) => row.etransaction_id?.S)).toEqual([inside.etransaction_id]);
    // It says nothing about the time before: that is still the first run's.
    expect((await world.notes.read(SID)).coveredUntil).toBeUndefined();

    expect(await world.invoke({ ...gap, from: iso(world.now - 40 * DAY) })).toMatchObject({ outcome: 'done', counts: { missing: 1 } });
    expect(world.outcomes.at(-1)?.job?.outOfReachMillis).toBeGreaterThan(10 * DAY);
    expect(await world.invoke({ ...gap, from: iso(world.now - 41 * DAY), to: iso(world.now - 40 * DAY) })).toMatchObject({
      outcome: 'empty',
    });
  });

  it.each<[string, (world: ReconciliationWorld) => Promise<void>]>([
    ['none succeeded for longer than Rakuten tells', (world) => world.pass(40 * DAY)],
    [
      'lines of the time since the last run are to be left alone',
      async (world) => {
        await world.pass(5 * DAY);
        world.settings = { ...SETTINGS, notBefore: iso(world.now - DAY) };
      },
    ],
    [
      'the URL did not ask for what tells lines apart',
      async (world) => {
        await world.pass(5 * DAY);
        const acceptedUntil = iso(world.now - DAY);
        world.state = stateWith(ALL_FIELDS, { secretSha256: '', fieldListId: 'x', fields: ALL_FIELDS.slice(0, 1), acceptedUntil });
      },
    ],
  ])('catch up once, and then read hours again, where %s', async (_, gap) => {
    const world = new ReconciliationWorld();
    await world.invoke({ sid: SID, run: 'hourly' });
    await gap(world);
    const caughtUp = await world.invoke({ sid: SID, run: 'hourly' });
    await world.pass(HOUR);
    const next = await world.invoke({ sid: SID, run: 'hourly' });
    const [longWindow, window] = [caughtUp, next].map((outcome) => (outcome as { job: { window: EventsWindow } }).job.window);
    expect((longWindow?.to ?? 0) - (longWindow?.from ?? 0)).toBeGreaterThan(20 * HOUR);
    expect((window?.to ?? 0) - (window?.from ?? 0)).toBeLessThan(4 * HOUR);
  });

  it('leave alone what was processed before a given time', async () => {
    const world = new ReconciliationWorld();
    world.settings = { ...SETTINGS, notBefore: iso(world.now - 2 * DAY) };
    const lines = [lineAt(world.now - 3 * DAY), lineAt(world.now - DAY)];
    for (const line of lines) world.rakuten.rakuten.record(line);
    expect(await world.invoke({ sid: SID, run: 'hourly' })).toMatchObject({ counts: { missing: 1 } });
  });

  it('tell what share of the lines postbacks bring, each line counted once', async () => {
    const world = new ReconciliationWorld();
    await fill(world, 3, (index) => index % 4 === 0);
    await world.consume();
    await world.invoke({ sid: SID, run: 'hourly' });
    await world.consume();
    await world.invoke({ sid: SID, run: 'daily' });
    const [first, second] = world.outcomes.map((outcome) => ('counts' in outcome ? deliveryRate(outcome.counts) : undefined));
    expect(first).toBeCloseTo(0.75, 1);
    expect(second).toBeUndefined();
  });
});

it('a daily run that comes to the end of its time does not wait to count what is unverified', async () => {
  const world = new ReconciliationWorld();
  await world.notes.write(SID, { coveredUntil: world.now, succeededAt: world.now });
  const line = lineAt(world.now);
  world.rakuten.rakuten.record(line);
  world.push(line);
  await world.consume();
  await world.pass(2 * HOUR);
  const end = world.now + 15 * MINUTE;
  let counts = 0;
  const reconciler = new Reconciler({
    settings: { ...SETTINGS, unverifiedAfterSeconds: 3600 },
    readState: async () => world.state,
    readSecret: async () => CREDENTIALS,
    notes: world.notes,
    rows: world.table,
    send: (messages) => world.pass(messages.length * 14.5 * MINUTE),
    unverifiedRows: async function* () {
      counts += 1;
      yield* [];
    },
    invokeSelf: async () => {},
    log: new Log('test'),
    metrics: new Metrics('test', 'test'),
    clock: world.rakuten.clock,
    http: world.rakuten.send,
  });
  const stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const context = { awsRequestId: '1', getRemainingTimeInMillis: () => end - world.now } as Context;
  const result = await reconciler.handle({ sid: SID, run: 'daily' }, context).finally(() => stdout.mockRestore());
  expect(result).toMatchObject({ outcome: 'done', counts: { unverified: 1 } });
  expect(world.now).toBeLessThan(end);
  expect(counts).toBe(0);
});

it('the calls name windows in UTC, to the second', async () => {
  const world = new ReconciliationWorld();
  const calls: string[] = [];
  const call = async ({ path }: { path: string }) => {
    calls.push(path);
    return { status: 200, headers: {}, body: '[]' };
  };
  await eventsPages({ call } as never, () => world.now)({ from: Date.UTC(2026, 2, 1), to: Date.UTC(2026, 2, 1, 23, 59, 59) }, 3, 1000);
  expect(calls).toEqual([
    '/events/1.0/transactions?process_date_start=2026-03-01+00%3A00%3A00&process_date_end=2026-03-01+23%3A59%3A59&limit=1000&page=3',
  ]);
});
