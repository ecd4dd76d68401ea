import fc from 'fast-check';
import { parseEventsApiBody } from '../../../core/rakuten/events-api/events';
import { POSTBACK_FIELDS, type PostbackField } from '../../../core/rakuten/postback/fields';
import { parseEventsApiRecord } from '../../../core/rakuten/postback/parse';
import { type Item, readFields } from '../../../core/transactions/attributes';
import { keyText, type RowKey, rowKey } from '../../../core/transactions/keys';
import { type LineFields, STORED_FIELDS } from '../../../core/transactions/row';
import type { LineRecord } from '../../../fake-rakuten';
import { MINUTE, ReconciliationWorld, SID } from '../../support/reconciliation-world';

/**
 * An attacker who knows the URL secret and every ID, also before Rakuten sends a line, and who can
 * send anything at any time.
 */

const IDS = ['A1', 'B2'].map((id) => id.padEnd(32, '0'));
const FORGED_IDS = ['F1', 'F2'].map((id) => id.padEnd(32, '0'));
const iso = (millis: number): string => new Date(millis).toISOString();

type Step =
  | { readonly kind: 'process' | 'push'; readonly line: number; readonly changes: LineRecord }
  | {
      readonly kind: 'forge';
      readonly id: string;
      readonly values: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'consume' }
  | { readonly kind: 'reconcile'; readonly run: string }
  | { readonly kind: 'wait'; readonly minutes: number };

/** What Rakuten may change in place. */
const changes: fc.Arbitrary<LineRecord> = fc.record({
  sale_amount: fc.constantFrom('100', '50', '-100'),
  u1: fc.constantFrom('member-1', '', ''),
  currency: fc.constantFrom('USD', 'USD', ''),
  product_name: fc.constantFrom('Tea', 'M\u00fcsli', ''),
});

const forgedValue: Record<string, fc.Arbitrary<string>> = {
  is_event: fc.constantFrom('N', 'N', 'N', 'Y', '?', ''),
  sid: fc.constantFrom(SID, '9999999', ''),
  process_date: fc.constantFrom(
    '2099-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2001-01-01T00:00:00Z',
    'soon',
  ),
  transaction_date: fc.constantFrom('2099-01-01T00:00:00Z', '2001-01-01T00:00:00Z', ''),
  sale_amount: fc.constantFrom('1', '100', '999999', 'n/a', ''),
  u1: fc.constantFrom('attacker', 'member-1', ''),
  currency: fc.constantFrom('USD', 'jpy', 'money', ''),
};
const forgedFields = (Object.keys(POSTBACK_FIELDS) as PostbackField[]).filter(
  (field) => field !== 'etransaction_id',
);
const values = fc
  .record(
    Object.fromEntries(
      forgedFields.map((field) => [
        field,
        forgedValue[field] ?? fc.oneof(fc.string(), fc.constantFrom('', 'ORDER-0')),
      ]),
    ),
    { requiredKeys: [] },
  )
  .map((record) =>
    Object.fromEntries(
      Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  );

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('process', 'push'),
    line: fc.nat({ max: IDS.length - 1 }),
    changes,
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('forge'),
      id: fc.constantFrom(
        ...[...IDS, ...IDS, ...FORGED_IDS].flatMap((id) => [id, id.toLowerCase(), ` ${id}`]),
      ),
      values,
    }),
  },
  fc.constant({ kind: 'consume' }),
  fc.record({ kind: fc.constant('reconcile'), run: fc.constantFrom('hourly', 'daily') }),
  fc.record({ kind: fc.constant('wait'), minutes: fc.constantFrom(1, 10, 10, 300) }),
) as fc.Arbitrary<Step>;

/** Rakuten and the installation, with the latest answer that the Events API gave for each row. */
class AttackedWorld {
  private readonly world = new ReconciliationWorld();
  private readonly answers = new Map<string, LineFields>();
  private readonly processedAt = new Map<number, number>();
  /** Beginning of the run that first returned the line. */
  private readonly firstAnsweredAt = new Map<string, string>();
  private callsRead = 0;

  async take(next: Step): Promise<void> {
    const { world } = this;
    await world.pass(1000);
    const startedAt = iso(world.now);
    if ('changes' in next) {
      const line = this.lineOf(next.line, next.changes);
      if (next.kind === 'process') world.record(line);
      else world.push(line);
    }
    if (next.kind === 'forge') world.forge({ ...next.values, etransaction_id: next.id });
    else if (next.kind === 'wait') await world.pass(next.minutes * MINUTE);
    else if (next.kind === 'consume') await world.consume();
    else if (next.kind === 'reconcile')
      expect(await world.invoke({ sid: SID, run: next.run })).toMatchObject({
        outcome: 'done',
        braked: 0,
      });
    this.readAnswers(startedAt);
    for (const row of await world.rows()) this.expectAsAnswered(row);
  }

  /** Rows that no answer verified, except `-` rows of a line that has another row. */
  async expectAllReported(): Promise<void> {
    const rows = await this.world.rows();
    const readable = new Set(
      rows.filter((row) => row.is_event?.S !== '-').map((row) => row.line_id?.S),
    );
    const unverified = rows.filter(
      (row) =>
        row.verified_at === undefined && (row.is_event?.S !== '-' || !readable.has(row.line_id?.S)),
    );
    const reported = await this.world.unverifiedKeys();
    expect(reported.sort()).toEqual(unverified.map((row) => keyText(keyOf(row))).sort());
    const forged = rows.filter((row) => FORGED_IDS.some((id) => row.line_id?.S === `${SID}#${id}`));
    for (const row of forged) expect(row.verified_at).toBeUndefined();
    // A line is one row for each `is_event`, whatever else was sent of it.
    expect(new Set(rows.map((row) => row.line_id?.S?.split('#')[0]))).toEqual(
      new Set(rows.length === 0 ? [] : [SID]),
    );
    expect(rows.length).toBeLessThanOrEqual(3 * (IDS.length + FORGED_IDS.length));
  }

  private lineOf(line: number, changed: LineRecord): LineRecord {
    const processedAt = this.processedAt.get(line) ?? this.world.now;
    this.processedAt.set(line, processedAt);
    return {
      is_event: 'N',
      etransaction_id: IDS[line],
      sid: SID,
      advertiser_id: '41207',
      order_id: `ORDER-${line}`,
      sku_number: `SKU-${line}`,
      transaction_date: iso(processedAt - 7 * MINUTE),
      process_date: iso(processedAt),
      commissions: '5',
      quantity: '1',
      ...changed,
    };
  }

  /** What the Events API said since the last call. */
  private readAnswers(startedAt: string): void {
    const { calls } = this.world.rakuten.rakuten;
    for (const { operation, responseBody } of calls.slice(this.callsRead)) {
      if (operation !== 'events') continue;
      for (const record of parseEventsApiBody(responseBody)) {
        const { fields } = parseEventsApiRecord(record);
        const key = keyText(rowKey(SID, fields));
        this.answers.set(key, fields);
        if (!this.firstAnsweredAt.has(key)) this.firstAnsweredAt.set(key, startedAt);
      }
    }
    this.callsRead = calls.length;
  }

  private expectAsAnswered(row: Item): void {
    const key = keyText(keyOf(row));
    const answer = this.answers.get(key);
    if (answer === undefined) {
      expect(row.verified_at).toBeUndefined();
      return;
    }
    const { u1, ...shown } = readFields(row);
    const isPushedMember = row.u1_from_postback?.BOOL === true;
    if (isPushedMember) {
      // Only a postback from before the first answer can keep a row unverified.
      const isEarlier = (row.received_at?.S ?? '') < (this.firstAnsweredAt.get(key) ?? '');
      expect([answer.u1, row.verified_at, isEarlier]).toEqual([undefined, undefined, true]);
    } else expect(row.verified_at).toBeDefined();
    const expected = STORED_FIELDS.filter((field) => answer[field] !== undefined).map((field) => [
      field,
      answer[field],
    ]);
    expect({ ...shown, ...(u1 === undefined || isPushedMember ? {} : { u1 }) }).toEqual(
      Object.fromEntries(expected),
    );
  }
}

const keyOf = (row: Item): RowKey => ({
  lineId: row.line_id?.S ?? '',
  isEvent: row.is_event?.S as RowKey['isEvent'],
});

it('a row shows the latest answer, or it is unverified and in the report, whatever an attacker sends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
      async (steps) => {
        const attacked = new AttackedWorld();
        for (const next of steps) await attacked.take(next);
        // What is still in the queue arrived before the last run.
        for (const last of [
          { kind: 'wait', minutes: 10 },
          { kind: 'reconcile', run: 'daily' },
          { kind: 'consume' },
        ] as const) {
          await attacked.take(last);
          if (last.kind !== 'wait') await attacked.expectAllReported();
        }
      },
    ),
    { numRuns: Number(process.env.ATTACK_RUNS ?? 150) },
  );
});
