import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { SettlementLine } from '../../client/settlement';
import { settle } from '../../client/settlement';
import { ATTRIBUTES } from '../../core/names';
import type { LineRecord } from '../../fake-rakuten';
import type { ReturnedLine } from '../../fake-rakuten/types';
import type { Row } from '../../local/verify';
import {
  type ExpectedAnswer,
  type ExpectedPush,
  expectedAnswer,
  expectedPush,
  keyOfLine,
  rowKeyOf,
  shownBy,
  showsAnswer,
  showsCheckedFields,
} from './expectation';
import { SID } from './settings';

/** What must hold at every write and after every reconciliation. */
export const STEP_CLAIMS = {
  verified: 'no row was ever verified with a value that the Events API had not returned',
  earned: 'no unverified line ever changed what an order earned',
  survived: 'after each reconciliation every line that it read shows the Events API’s answer',
  withdrawn: 'no line was withdrawn that the advertiser had not eliminated',
  identity: 'no answered row ever became another line with the same ID',
  brake: 'a fault of the Events API changed no more verified lines than the brake allows',
  size: 'no row was ever above 16 KB',
  publisher: 'no row was addressed to another publisher',
} as const;
export type StepClaim = keyof typeof STEP_CLAIMS;

export type Sender = 'Rakuten' | 'attacker';

/** A GET with an accepted secret that the queue has. */
export interface ObservedPush extends ExpectedPush {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sender: Sender;
}

/** A record that the Events API has returned for a row, the same one at any number of calls. */
export interface ObservedAnswer extends ExpectedAnswer {
  /** Milliseconds since 1970. */
  readonly firstAt: number;
}

const MAX_ROW_BYTES = 16 * 1024;
/** Twice what a run may change without the alarm, as one run may wait for another. */
const BRAKE = { lines: 8, share: 0.04 };
const DAY_MILLIS = 24 * 60 * 60 * 1000;

/** The lines that one reconciliation has read, by the key of their row. */
export type ReadLines = Map<string, ExpectedAnswer>;

/**
 * Sees every GET, every answer of the Events API and every write, and checks what must hold at any
 * time.
 */
export class Observer {
  public readonly violations = new Map<StepClaim, string[]>();
  /** The transaction table, by `<line_id> <is_event>`. */
  public readonly rows = new Map<string, Row>();
  /** In the order of their arrival. */
  public readonly pushes = new Map<string, ObservedPush[]>();
  /** In the order in which the Events API first returned them. */
  public readonly answers = new Map<string, ObservedAnswer[]>();
  /** What each row showed after the last reconciliation that read its line. */
  public readonly applied = new Map<string, ExpectedAnswer>();
  /** When each row first showed an answer. Milliseconds since 1970. */
  public readonly answeredAt = new Map<string, number>();
  /** When lines were eliminated, and until when. */
  public readonly eliminations = new Map<string, { readonly from: number; to?: number }>();
  public pushesWithoutId = 0;
  public foreignRecords = 0;
  public recordsWithoutId = 0;
  public largestRow = 0;
  /** Answered rows whose commissions became 0. */
  public zeroedRows = 0;
  public attacks = 0;
  private readonly touchedOrders = new Set<string>();
  private readonly orders = new Map<string, Set<string>>();

  public constructor(
    private readonly options: {
      readonly memberFromPostback: boolean;
      /** Milliseconds since 1970. */
      readonly now: () => number;
    },
  ) {}

  /** A GET with an accepted secret came into the queue. */
  public received(url: string, sender: Sender, line?: LineRecord): void {
    const push = { ...expectedPush(url, line), at: this.options.now(), sender };
    if (sender === 'attacker') this.attacks += 1;
    if (push.key === undefined) this.pushesWithoutId += 1;
    else add(this.pushes, push.key, push);
  }

  /** The Events API has answered with these lines. */
  public answered(lines: readonly ReturnedLine[], read: ReadLines): void {
    const now = this.options.now();
    for (const returned of lines) {
      if (returned.line.sid !== SID) {
        this.foreignRecords += 1;
        continue;
      }
      const answer = expectedAnswer(returned);
      if (answer.key.startsWith(`${SID}# `)) this.recordsWithoutId += 1;
      else this.note(answer, now);
      if (answer.isReadable) read.set(answer.key, answer);
    }
  }

  private note(answer: ExpectedAnswer, now: number): void {
    const isKnown = this.answers.get(answer.key)?.some((other) => isSame(other, answer)) === true;
    if (!isKnown) add(this.answers, answer.key, { ...answer, firstAt: now });
  }

  public eliminated(line: LineRecord): void {
    this.eliminations.set(keyOfLine(line), { from: this.options.now() });
  }

  public restored(line: LineRecord): void {
    const elimination = this.eliminations.get(keyOfLine(line));
    if (elimination !== undefined) elimination.to = this.options.now();
  }

  /** A row was written. */
  public written(row: Row): void {
    const key = rowKeyOf(row);
    const before = this.rows.get(key);
    this.rows.set(key, row);
    for (const order of [orderOf(before), orderOf(row)])
      if (order !== undefined) this.touchedOrders.add(order);
    this.index(key, before, row);
    if (row[ATTRIBUTES.answerHash] !== undefined && !this.answeredAt.has(key))
      this.answeredAt.set(key, this.options.now());
    const bytes = bytesOf({ M: row });
    this.largestRow = Math.max(this.largestRow, bytes);
    if (bytes > MAX_ROW_BYTES) this.violated('size', `${key} has ${bytes} bytes`);
    if (!key.startsWith(`${SID}#`)) this.violated('publisher', key);
    if (row[ATTRIBUTES.verifiedAt] !== undefined) this.checkVerified(key, row);
    if (before?.[ATTRIBUTES.answerHash] !== undefined) this.checkReplaced(key, before, row);
    if (row[ATTRIBUTES.withdrawnAt] !== undefined && before?.[ATTRIBUTES.withdrawnAt] === undefined)
      this.checkWithdrawn(key);
  }

  private checkVerified(key: string, row: Row): void {
    const answers = (this.answers.get(key) ?? []).filter(({ isReadable }) => isReadable);
    const isPushedMember = row[ATTRIBUTES.u1FromPostback]?.BOOL === true;
    if (!answers.some((answer) => showsCheckedFields(row, answer)))
      this.violated('verified', `${key} shows no answer`);
    else if (isPushedMember && !this.options.memberFromPostback)
      this.violated('verified', `${key} has the u1 of a push`);
  }

  /** Of an answered row. */
  private checkReplaced(key: string, before: Row, row: Row): void {
    if (isOtherLine({ shown: shownBy(before) }, { shown: shownBy(row) }))
      this.violated('identity', key);
    if (row.commissions?.N === '0' && before.commissions?.N !== '0') this.zeroedRows += 1;
  }

  /**
   * A run ended.
   *
   * @param zeroed answered rows whose commissions became 0 in it
   */
  public checkBrake(zeroed: number, read: ReadLines): void {
    const most = Math.max(BRAKE.lines, BRAKE.share * read.size);
    if (zeroed > most) this.violated('brake', `${zeroed} of ${read.size} lines`);
  }

  private checkWithdrawn(key: string): void {
    const { from, to = Number.POSITIVE_INFINITY } = this.eliminations.get(key) ?? {
      from: Number.POSITIVE_INFINITY,
    };
    // A line that comes back is found by the next daily run.
    if (from > this.options.now() || this.options.now() > to + DAY_MILLIS)
      this.violated('withdrawn', key);
  }

  /** A reconciliation ended that applied everything it read. */
  public reconciled(read: ReadLines): void {
    for (const [key, answer] of read) {
      this.applied.set(key, answer);
      const row = this.rows.get(key);
      const versions = (this.answers.get(key) ?? []).filter(({ isReadable }) => isReadable);
      // Of a reused ID the row keeps the line that was answered first.
      const isReused = versions.some((other) => isOtherLine(other, answer));
      const candidates = isReused ? versions : [answer];
      if (row === undefined || !candidates.some((candidate) => showsAnswer(row, candidate)))
        this.violated('survived', key);
    }
  }

  /**
   * Compares what the orders that changed since the last call earn with what their verified lines
   * earn.
   */
  public checkEarned(): void {
    for (const order of this.touchedOrders) {
      const lines = this.linesOf(order);
      const verified = lines.filter((line) => line.verified_at !== undefined);
      const [all, alone] = [lines, verified].map((some) => idsOf(settle(some).earned));
      if (all !== alone) this.violated('earned', `${order}: ${all} instead of ${alone}`);
    }
    this.touchedOrders.clear();
  }

  /** The lines of one order: of one advertiser and `order_id`, as the table shows them. */
  public linesOf(order: string): SettlementLine[] {
    return [...(this.orders.get(order) ?? [])].flatMap((key) => {
      const row = this.rows.get(key);
      return row === undefined ? [] : [settlementLine(row)];
    });
  }

  public get orderNames(): IterableIterator<string> {
    return this.orders.keys();
  }

  private index(key: string, before: Row | undefined, row: Row): void {
    const [old, order] = [orderOf(before), orderOf(row)];
    if (old === order) return;
    if (old !== undefined) this.orders.get(old)?.delete(key);
    if (order !== undefined) this.orders.set(order, (this.orders.get(order) ?? new Set()).add(key));
  }

  private violated(claim: StepClaim, found: string): void {
    add(this.violations, claim, `${new Date(this.options.now()).toISOString()} ${found}`);
  }
}

export const isOtherLine = (
  a: Pick<ExpectedAnswer, 'shown'>,
  b: Pick<ExpectedAnswer, 'shown'>,
): boolean =>
  (['advertiser_id', 'order_id', 'sku_number'] as const).some(
    (field) =>
      a.shown[field] !== undefined &&
      b.shown[field] !== undefined &&
      a.shown[field] !== b.shown[field],
  );

const isSame = (a: ExpectedAnswer, b: ExpectedAnswer): boolean =>
  a.isReadable === b.isReadable && JSON.stringify(a.shown) === JSON.stringify(b.shown);

function add<K, T>(lists: Map<K, T[]>, key: K, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

const orderOf = (row: Row | undefined): string | undefined =>
  row?.order_id?.S === undefined ? undefined : `${row.advertiser_id?.S ?? ''} ${row.order_id.S}`;

const idsOf = (lines: readonly SettlementLine[]): string =>
  lines
    .map(({ line_id }) => line_id)
    .sort()
    .join(', ');

export function settlementLine(row: Row): SettlementLine {
  return {
    line_id: row[ATTRIBUTES.lineId]?.S ?? '',
    is_event: (row[ATTRIBUTES.isEvent]?.S ?? '-') as SettlementLine['is_event'],
    sku_number: row.sku_number?.S,
    currency: row.currency?.S,
    sale_amount: row.sale_amount?.N,
    commissions: row.commissions?.N,
    verified_at: row[ATTRIBUTES.verifiedAt]?.S,
    withdrawn_at: row[ATTRIBUTES.withdrawnAt]?.S,
    parse_problems: row[ATTRIBUTES.parseProblems]?.L?.map(({ S = '' }) => S),
  };
}

/** Bytes of an attribute as DynamoDB counts them, names included, about. */
function bytesOf(attribute: AttributeValue): number {
  if (attribute.S !== undefined) return Buffer.byteLength(attribute.S);
  if (attribute.N !== undefined) return Math.ceil(attribute.N.length / 2) + 2;
  if (attribute.L !== undefined)
    return 3 + attribute.L.reduce((sum, inner) => sum + 1 + bytesOf(inner), 0);
  if (attribute.M === undefined) return 1;
  return (
    3 +
    Object.entries(attribute.M).reduce(
      (sum, [name, inner]) => sum + 1 + Buffer.byteLength(name) + bytesOf(inner),
      0,
    )
  );
}
