import { archiveRecord } from '../archive/archive-record';
import { limitConcurrency, retryOnThrottle } from '../async';
import { UserError } from '../errors';
import { SOURCES } from '../names';
import type { EventsRecord, EventsWindow } from '../rakuten/events-api/events';
import { isTransaction } from '../rakuten/events-api/events';
import {
  type Position,
  type WalkedPage,
  type WalkOptions,
  walk,
} from '../rakuten/events-api/paginate-events';
import type { Item } from '../transactions/attributes';
import { keyText, type RowKey } from '../transactions/keys';
import {
  type AnswerEffect,
  answerHash,
  effectOf,
  pushHash,
  type RowState,
} from '../transactions/row-state';
import { readRow } from '../transactions/row-without-member';
import type { MemberTest } from '../transactions/without-member';
import { type KeyedAnswer, readAnswer, SeenLines } from './answer';
import { type Counts, type Difference, differenceOf, NO_COUNTS } from './counts';
import type { IndexedRow } from './day-index';
import type { RunPorts } from './ports';

export interface RunPlan {
  readonly sid: string;
  readonly runId: string;
  readonly window: EventsWindow;
  /**
   * Where an earlier run over a window with this end stopped. @default - the beginning of the
   * window
   */
  readonly start?: Position;
  readonly walk?: WalkOptions;
  /** Whether verified lines that Rakuten lacks are withdrawn. @default false */
  readonly findsWithdrawn?: boolean;
  /** Only report: nothing is written. @default false */
  readonly dryRun?: boolean;
  /** Apply what the brake would hold back. @default false */
  readonly acceptChanges?: boolean;
  /** Whether the result lists differences. @default false */
  readonly listsDifferences?: boolean;
}

export interface RunResult {
  readonly counts: Counts;
  /** Where to continue; undefined when the window is done. */
  readonly next: Position | undefined;
  /** Changes of verified lines that the brake held back; 0 as a rule. */
  readonly braked: number;
  readonly differences: readonly Difference[];
  /** Lines that could not be written, each with the reason. */
  readonly failures: readonly string[];
}

export interface RunProgress {
  /** A `process_date` in milliseconds: everything before it is compared. */
  readonly reached: number;
  readonly counts: Counts;
}

export interface RunControl {
  /** Whether the run must stop after this page. */
  readonly isTimeUp: () => boolean;
  /** Called after each page, when all of it is written. */
  readonly onProgress?: (progress: RunProgress) => Promise<void> | void;
}

/**
 * Some lines could not be written. The others were; the next run over the window finds these again.
 */
export function unwrittenLinesError(failures: readonly string[]): UserError {
  const others =
    failures.length > NAMED_FAILURES ? ` and ${failures.length - NAMED_FAILURES} more` : '';
  const lines = failures.length === 1 ? '1 line' : `${failures.length} lines`;
  const named = failures.slice(0, NAMED_FAILURES).join('; ');
  return new UserError({
    name: 'UnwrittenLinesError',
    problem: `${lines} could not be written, all others were: ${named}${others}`,
  });
}

const NAMED_FAILURES = 5;
/** Beyond this number the table or the permissions are at fault, not the lines. */
export const MAX_FAILURES = 50;
const WRITES_AT_ONCE = 16;
/** How long a write may be repeated against other writers and throttling. */
const WRITE_MILLIS = 60_000;
/** More differences are for a narrower window. */
const MAX_DIFFERENCES = 1000;

const HOUR_MILLIS = 60 * 60 * 1000;
/** Two reads that lacked a line must be so far apart before it counts as withdrawn. */
const WITHDRAWN_AFTER_MILLIS = 20 * HOUR_MILLIS;

/** A run that would change more verified lines than this changes none: the answers are a fault. */
const BRAKE = { leastLines: 5, share: 0.02 } as const;

/**
 * Compares what Rakuten returns for a window with the table, and writes what differs.
 *
 * Only one page is in memory at a time. A run that is cut off or throws has lost nothing: reading
 * the same window again finds what is left.
 */
export async function run(plan: RunPlan, ports: RunPorts, control: RunControl): Promise<RunResult> {
  const reconciliation = new ReconciliationRun(plan, ports);
  await reconciliation.start();
  let next: Position | undefined;
  for await (const page of walk(ports.readPage, plan.window, plan.walk, plan.start)) {
    await reconciliation.processPage(page);
    await control.onProgress?.({
      reached: page.next?.from ?? plan.window.to,
      counts: reconciliation.counts,
    });
    if (page.next === undefined || !control.isTimeUp()) continue;
    next = page.next;
    break;
  }
  return reconciliation.finish(next);
}

/** An answer with the row as it was read. */
interface Comparison {
  readonly line: KeyedAnswer;
  readonly item: Item | undefined;
  readonly row: RowState | undefined;
  readonly effect: AnswerEffect;
}

/** Whether an answer that counts as a push is new to the row. Every run reads it again. */
function changesRow({ effect, row, line }: Comparison): boolean {
  if (effect !== 'unreadable' && effect !== 'reused') return effect !== 'same';
  return row === undefined || !row.pushes.some(({ hash }) => hash === pushHash(line.answer.fields));
}

/** The state of one run. */
class ReconciliationRun {
  private readonly total = { ...NO_COUNTS };
  private readonly seen = new SeenLines();
  private readonly failures: string[] = [];
  private readonly differences: Difference[] = [];
  private readonly limited = limitConcurrency(WRITES_AT_ONCE);
  private readonly startedAt: string;
  /** Answers that change verified lines: applied at the end, or held back. */
  private readonly held = new Map<string, Comparison>();
  /** Answered lines that the run has met, and those that it should have met. */
  private verifiedLines = 0;
  /** Verified lines that the reads lacked. */
  private readonly lacking = new Map<string, RowKey>();
  private missingSince: ReadonlyMap<string, number> = new Map();
  private readonly found = new Set<string>();
  private day:
    | { readonly name: string; readonly rows: ReadonlyMap<string, IndexedRow> }
    | undefined;
  private seenInPart = new Set<string>();
  /** The last part that was read to its end. */
  private completed: { readonly until: number; readonly seen: ReadonlySet<string> } | undefined;
  /** `process_date` of the oldest confirmed line that was returned. */
  private oldestReturned: string | undefined;

  constructor(
    private readonly plan: RunPlan,
    private readonly ports: RunPorts,
  ) {
    this.startedAt = new Date(ports.clock.now()).toISOString();
  }

  get counts(): Counts {
    return { ...this.total };
  }

  async start(): Promise<void> {
    if (this.plan.findsWithdrawn === true)
      this.missingSince = await this.ports.missingLines.read(this.plan.sid);
  }

  async processPage({ records, next, part, completesPart }: WalkedPage): Promise<void> {
    const fetchedAt = new Date(this.ports.clock.now()).toISOString();
    const member = (await this.ports.forgotten?.current())?.testFor(this.plan.sid);
    const lines = this.readLines(records, fetchedAt, member);
    const indexed = await this.indexOf(part);
    const comparisons = await this.compare(lines, indexed, member);
    await this.apply(comparisons);
    if (completesPart) {
      if (this.plan.findsWithdrawn === true) this.findLacking(indexed, part);
      this.completed = { until: part.to, seen: this.seenInPart };
      this.seenInPart = new Set();
    }
    if (next !== undefined && next.part === undefined) this.seen.forgetBefore(next.from);
  }

  /** Applies or holds back what changes verified lines. */
  async finish(next: Position | undefined): Promise<RunResult> {
    const due = this.dueForWithdrawal();
    const changes = this.held.size + due.length;
    const isBraked =
      this.plan.acceptChanges !== true &&
      changes >= BRAKE.leastLines &&
      changes > BRAKE.share * (this.verifiedLines + this.lacking.size);
    if (!isBraked) {
      await this.write([...this.held.values()]);
      await this.withdraw(due);
    }
    if (this.plan.findsWithdrawn === true && this.plan.dryRun !== true) await this.updateMissing();
    return {
      counts: this.counts,
      next,
      braked: isBraked ? changes : 0,
      differences: this.differences,
      failures: this.failures,
    };
  }

  private readLines(
    records: readonly EventsRecord[],
    fetchedAt: string,
    member: MemberTest | undefined,
  ): KeyedAnswer[] {
    const { sid, runId } = this.plan;
    const lines: KeyedAnswer[] = [];
    for (const record of records.filter(isTransaction)) {
      const line = readAnswer(record, { sid, fetchedAt, runId, member });
      if (line === undefined) this.total.foreign += 1;
      else {
        this.remember(line);
        if (this.seen.isNew(line)) lines.push(line);
      }
    }
    return lines;
  }

  private remember({ key, answer }: KeyedAnswer): void {
    const text = keyText(key);
    this.seenInPart.add(text);
    this.lacking.delete(text);
    if (this.missingSince.has(key.lineId) && key.isEvent === 'N') this.found.add(key.lineId);
    const { process_date: processDate } = answer.fields;
    if (key.isEvent !== 'N' || processDate === undefined) return;
    if (this.oldestReturned === undefined || processDate < this.oldestReturned)
      this.oldestReturned = processDate;
  }

  /**
   * Each answer with its row. The index shows nearly all of them to be unchanged; only the others
   * are read.
   */
  private async compare(
    lines: readonly KeyedAnswer[],
    indexed: ReadonlyMap<string, IndexedRow>,
    member: MemberTest | undefined,
  ): Promise<Comparison[]> {
    const others = lines.filter(({ key, answer }) => {
      const row = indexed.get(keyText(key));
      const isSame = row !== undefined && !row.isWithdrawn && row.answerHash === answerHash(answer);
      if (isSame) {
        this.total.same += 1;
        this.verifiedLines += 1;
      }
      return !isSame;
    });
    const items = await this.ports.rows.read(others.map(({ key }) => key));
    return others.map((line, index) => {
      const item = items[index];
      const row = item && readRow(item, member);
      const effect = effectOf(row, line.answer);
      this.total[effect] += 1;
      if (row?.answer !== undefined && row.withdrawnAt === undefined) this.verifiedLines += 1;
      if (effect !== 'same') this.list(differenceOf(line.key, effect, row, line.answer));
      return { line, item, row, effect };
    });
  }

  private async apply(comparisons: readonly Comparison[]): Promise<void> {
    for (const comparison of comparisons) {
      if (comparison.effect === 'different')
        this.held.set(keyText(comparison.line.key), comparison);
    }
    await this.write(
      comparisons.filter(
        (comparison) => comparison.effect !== 'different' && changesRow(comparison),
      ),
    );
  }

  private async write(comparisons: readonly Comparison[]): Promise<void> {
    if (this.plan.dryRun === true || comparisons.length === 0) return;
    await this.archive(comparisons);
    await Promise.all(
      comparisons.map(({ line: { key, answer }, item }) =>
        this.attempt(key, (deadline) => this.ports.store.applyAnswer(key, answer, deadline, item)),
      ),
    );
  }

  /**
   * Before the rows, so that a run which is cut off in between archives a line twice rather than
   * never.
   */
  private async archive(comparisons: readonly Comparison[]): Promise<void> {
    const { archive } = this.ports;
    if (archive === undefined) return;
    const records = comparisons.map(({ line: { key, answer }, effect }) =>
      archiveRecord({
        receivedAt: answer.fetchedAt,
        requestId: answer.runId,
        source: SOURCES.eventsApi,
        outcome: effect,
        key,
        query: answer.query,
      }),
    );
    const failed = await archive.put(records);
    const [first] = failed.values();
    if (first !== undefined)
      throw new Error(`${failed.size} of ${records.length} lines could not be archived: ${first}`);
  }

  /** One line that cannot be written does not stop the others. */
  private attempt(key: RowKey, work: (deadline: number) => Promise<unknown>): Promise<void> {
    const { clock } = this.ports;
    return this.limited(async () => {
      if (this.failures.length >= MAX_FAILURES) throw unwrittenLinesError(this.failures);
      try {
        const deadline = clock.now() + WRITE_MILLIS;
        const result = await retryOnThrottle(
          () => work(deadline),
          deadline,
          'DynamoDB did not answer in time',
          clock,
        );
        if (result !== false) this.total.written += 1;
      } catch (error) {
        this.failures.push(`${keyText(key)} (${String(error)})`);
      }
    });
  }

  private async indexOf(part: EventsWindow): Promise<ReadonlyMap<string, IndexedRow>> {
    const name = new Date(part.from).toISOString().slice(0, 10);
    if (this.day?.name !== name)
      this.day = { name, rows: await this.ports.dayIndex.read(this.plan.sid, name) };
    return this.day.rows;
  }

  /**
   * Confirmed lines within a part that its read lacked. Rakuten does not document which end of a
   * part counts, so a line of the second at which two parts meet must be lacking in both.
   *
   * A read that returned no line processed earlier shows nothing: the Events API may not go back
   * that far.
   */
  private findLacking(indexed: ReadonlyMap<string, IndexedRow>, part: EventsWindow): void {
    const isContinuous = this.completed?.until === part.from;
    for (const [text, { key, processDate, isWithdrawn }] of indexed) {
      // The run that withdrew the line was cut off before it removed the mark.
      if (isWithdrawn && this.missingSince.has(key.lineId)) this.found.add(key.lineId);
      const time = Date.parse(processDate ?? '');
      const isWithin =
        time < part.to &&
        (time > part.from ||
          (isContinuous && time === part.from && !this.completed?.seen.has(text)));
      if (key.isEvent !== 'N' || isWithdrawn || !isWithin) continue;
      if (this.seenInPart.has(text) || this.held.has(text)) continue;
      if (this.oldestReturned === undefined || this.oldestReturned >= (processDate ?? '')) continue;
      this.lacking.set(text, key);
    }
  }

  /** Lines that a read at least 20 hours ago lacked too. */
  private dueForWithdrawal(): RowKey[] {
    const latest = this.ports.clock.now() - WITHDRAWN_AFTER_MILLIS;
    const due = [...this.lacking.values()].filter(
      ({ lineId }) => (this.missingSince.get(lineId) ?? Number.POSITIVE_INFINITY) <= latest,
    );
    for (const key of due) this.list(differenceOf(key, 'withdrawn', undefined));
    return due;
  }

  private async withdraw(due: readonly RowKey[]): Promise<void> {
    if (this.plan.dryRun === true) return;
    const { missingLines, store } = this.ports;
    await Promise.all(
      due.map((key) =>
        this.attempt(key, async (deadline) => {
          const isWithdrawn = await store.withdraw(key, this.startedAt, deadline);
          await missingLines.forget([key.lineId]);
          this.lacking.delete(keyText(key));
          if (isWithdrawn) this.total.withdrawn += 1;
          return isWithdrawn;
        }),
      ),
    );
  }

  private async updateMissing(): Promise<void> {
    const { missingLines, clock } = this.ports;
    await missingLines.forget([...this.found]);
    const fresh = [...this.lacking.values()]
      .map(({ lineId }) => lineId)
      .filter((lineId) => !this.missingSince.has(lineId));
    await missingLines.remember(fresh, clock.now());
  }

  private list(difference: Difference): void {
    const isListed = this.plan.listsDifferences === true || this.plan.dryRun === true;
    if (isListed && this.differences.length < MAX_DIFFERENCES) this.differences.push(difference);
  }
}
