import type { SettlementLine } from '../../client/settlement';
import { settle } from '../../client/settlement';
import { ATTRIBUTES, METRICS, SOURCES } from '../../core/names';
import type { Modes } from '../../fake-rakuten';
import type { ReturnedLine } from '../../fake-rakuten/types';
import type { Row } from '../../local/verify';
import {
  differences,
  type ExpectedAnswer,
  expectedAnswer,
  rowKeyOf,
  type Shown,
  shownBy,
  showsAnswer,
} from './expectation';
import { FORGED_PREFIX } from './forgery';
import {
  isOtherLine,
  type ObservedAnswer,
  type ObservedPush,
  type Observer,
  STEP_CLAIMS,
  type StepClaim,
} from './observer';
import { STATIC_NAMES } from './settings';
import type { World } from './world';

/** Something that must hold at the end of a campaign, whatever happened. */
export interface Invariant {
  readonly claim: string;
  readonly holds: boolean;
  /** What was found, with examples where it does not hold. */
  readonly found: string;
}

/** When the campaign was over, and before when eliminated lines were lacked by two daily runs. */
interface Ends {
  readonly over: number;
  readonly eliminatedBefore: number;
}

const DAY_MILLIS = 24 * 60 * 60 * 1000;
/** Within this time before the audit a daily run began and ended. */
const LAST_DAILY_RUNS_MILLIS = DAY_MILLIS + 2 * 60 * 60 * 1000;
/** How far back the last daily runs surely read. */
const READ_DAYS = 26;

/** What is known at the end. */
class Evidence {
  public readonly observer: Observer;
  public readonly modes: Modes;
  public readonly memberFromPostback: boolean;
  /** What the Events API returned before the last daily run, and what it returns now. */
  public readonly returned: readonly ReturnedLine[];
  public readonly returnedNow: readonly ReturnedLine[];
  /** Keys of lines that Rakuten changed under the same ID. */
  public readonly corrected: ReadonlySet<string>;
  /** A `process_date` in milliseconds: the last daily runs read everything since. */
  public readonly readSince: number;
  public readonly eliminatedBefore: number;

  public constructor(
    { observer, modes, rowOptions, rakuten, traffic }: World,
    /** The table at the end. */
    public readonly rows: readonly Row[],
    { over, eliminatedBefore }: Ends,
  ) {
    this.observer = observer;
    this.modes = modes;
    this.memberFromPostback = rowOptions.memberFromPostback === true;
    this.returned = rakuten.returnedLines(over - LAST_DAILY_RUNS_MILLIS);
    this.returnedNow = rakuten.returnedLines(over);
    this.corrected = new Set(traffic.corrected);
    this.readSince = over - READ_DAYS * DAY_MILLIS;
    this.eliminatedBefore = eliminatedBefore;
  }
}

/** Everything that is known about one row. */
interface Case {
  readonly key: string;
  readonly row: Row | undefined;
  readonly pushes: readonly ObservedPush[];
  readonly answers: readonly ObservedAnswer[];
  /** The answers that verify something. */
  readonly readable: readonly ObservedAnswer[];
  /** What the last daily run read. More than one answer for a reused ID. */
  readonly current: readonly ExpectedAnswer[];
  /** What the Events API returns now. */
  readonly now: readonly ExpectedAnswer[];
  readonly applied: ExpectedAnswer | undefined;
}

/** Compares the table with what Rakuten has and what arrived. */
export function audit(world: World, rows: readonly Row[], ends: Ends): Invariant[] {
  const evidence = new Evidence(world, rows, ends);
  const cases = casesOf(evidence);
  const found = (problem: (known: Case) => string | undefined): string[] =>
    cases.flatMap((known) => {
      const text = problem(known);
      return text === undefined ? [] : [`${known.key}: ${text}`];
    });
  const { observer, queue, forger, metrics } = world;
  const { isOn } = world.slotDiary;
  const rejected = metrics.sum(METRICS.forged) + metrics.sum(METRICS.notAPostback);
  return [
    none('the table equals Rakuten’s ledger', found(ledgerProblem), ledgerFound(cases)),
    none('every other row shows its first push, unverified', found(pushProblem), pushFound(cases)),
    none(
      'every row has a push or a record behind it',
      unexplained(cases, evidence),
      `${evidence.rows.length} rows`,
    ),
    none(
      'every line that the Events API returns is verified',
      found((known) => verifiedProblem(known, evidence)),
    ),
    ...stepClaims(observer),
    none(
      'orders earn what Rakuten’s ledger says',
      earnedProblems(cases, evidence),
      `${observer.attacks} GETs of an attacker`,
    ),
    none(
      'eliminated lines are withdrawn',
      notWithdrawn(cases, evidence),
      `${observer.eliminations.size} were eliminated`,
    ),
    {
      claim: 'every GET without an accepted secret was rejected',
      holds: rejected >= forger.sent && !cases.some(({ key }) => key.includes(FORGED_PREFIX)),
      found: `${rejected} rejected of ${forger.sent}, redeliveries included`,
    },
    none(
      'no push that came into the queue was lost behind it',
      found(droppedProblem),
      `${observer.pushes.size} rows have pushes`,
    ),
    none(
      'every push was read by the fields it was registered with',
      found((known) => misreadProblem(known, evidence)),
    ),
    none(
      'only what Rakuten corrected replaced an answer',
      found((known) => replacedProblem(known, evidence)),
    ),
    {
      claim: 'nothing is left in the queue',
      holds: queue.depth + queue.deadLetters.length === 0,
      found: `${queue.depth} messages, ${queue.deadLetters.length} dead letters`,
    },
    { claim: 'the postback is on, and ours', holds: isOn, found: isOn ? 'on' : 'off' },
  ];
}

function casesOf({ observer, rows, returned, returnedNow, readSince }: Evidence): Case[] {
  const table = new Map(rows.map((row) => [rowKeyOf(row), row]));
  const current = answersByKey(returned, readSince);
  const now = answersByKey(returnedNow, readSince);
  const keys = new Set([
    ...table.keys(),
    ...observer.pushes.keys(),
    ...observer.answers.keys(),
    ...current.keys(),
  ]);
  return [...keys].map((key) => {
    const answers = observer.answers.get(key) ?? [];
    return {
      key,
      row: table.get(key),
      pushes: observer.pushes.get(key) ?? [],
      answers,
      readable: answers.filter(({ isReadable }) => isReadable),
      current: now.has(key) ? (current.get(key) ?? []) : [],
      now: now.get(key) ?? [],
      applied: observer.applied.get(key),
    };
  });
}

function answersByKey(
  lines: readonly ReturnedLine[],
  since: number,
): Map<string, ExpectedAnswer[]> {
  const answers = new Map<string, ExpectedAnswer[]>();
  for (const returned of lines) {
    if (Date.parse(returned.line.process_date ?? '') < since) continue;
    const answer = expectedAnswer(returned);
    add(answers, answer.key, answer);
  }
  return answers;
}

/** Rows that the Events API has answered show its latest answer. */
function ledgerProblem(known: Case): string | undefined {
  const { row, current, readable, applied } = known;
  if (readable.length === 0)
    return current.some(({ isReadable }) => isReadable) ? 'never read' : undefined;
  const isReturned = current.some(({ isReadable }) => isReadable);
  if (row === undefined) return isReturned || applied !== undefined ? 'no row' : undefined;
  if (row[ATTRIBUTES.withdrawnAt] !== undefined && isReturned) return 'withdrawn';
  const expected = candidates(known);
  if (expected.some((answer) => showsAnswer(row, answer))) return undefined;
  if (row[ATTRIBUTES.answerHash] === undefined && applied === undefined && !isReturned)
    return undefined;
  return `differs in ${differences(shownBy(row), expected.at(-1)?.shown ?? {}).join('+')}`;
}

/** The answers that a row may show. */
function candidates({ readable, current, now, applied }: Case): readonly ExpectedAnswer[] {
  // Of a reused ID the row keeps the line that was answered first.
  if (readable.some((a) => readable.some((b) => isOtherLine(a, b)))) return readable;
  const returned = current.filter(({ isReadable }) => isReadable);
  if (returned.length > 0) return [...returned, ...now];
  // What it showed last, or what a run that was cut off wrote later.
  const place = readable.findLastIndex(
    (answer) => JSON.stringify(answer.shown) === JSON.stringify(applied?.shown),
  );
  return readable.slice(Math.max(0, place));
}

const ledgerFound = (cases: readonly Case[]): string =>
  `${cases.filter(({ applied }) => applied !== undefined).length} lines as answered`;

const isAnswered = ({ row, readable }: Case): boolean =>
  readable.length > 0 && row?.[ATTRIBUTES.answerHash] !== undefined;

/** Fields that a GET carries in one way only, so that the first push is recognised by them. */
const RECOGNISED = [
  'u1',
  'order_id',
  'advertiser_id',
  'currency',
  'sale_amount',
  'commissions',
] as const;

/** Other rows show the first push that arrived, or the first unreadable answer. */
function pushProblem(known: Case): string | undefined {
  const { row, pushes, answers } = known;
  const [first] = pushes;
  if (isAnswered(known) || (first === undefined && answers.length === 0)) return undefined;
  if (row === undefined) return first === undefined ? undefined : 'no row';
  if (row[ATTRIBUTES.verifiedAt] !== undefined) return 'verified';
  if (
    first === undefined ||
    answers.some(({ isReadable, firstAt }) => !isReadable && firstAt <= first.at)
  )
    return undefined;
  const different = differences(shownBy(row), first.shown, RECOGNISED);
  return different.length === 0
    ? undefined
    : `differs from its first push in ${different.join('+')}`;
}

const pushFound = (cases: readonly Case[]): string => {
  const others = cases.filter((known) => known.row !== undefined && !isAnswered(known));
  return `${others.length} rows`;
};

/** Rows under a hash belong to GETs and records without an ID. */
function unexplained(cases: readonly Case[], { observer }: Evidence): string[] {
  const without = cases.filter(
    ({ row, pushes, answers }) => row !== undefined && pushes.length + answers.length === 0,
  );
  const hashed = without.filter(({ key }) => /^\d+#~/.test(key));
  const most = observer.pushesWithoutId + observer.recordsWithoutId;
  return [
    ...without.filter((known) => !hashed.includes(known)).map(({ key }) => key),
    ...(hashed.length > most
      ? [`${hashed.length} rows without an ID for ${most} GETs and records`]
      : []),
    ...hashed
      .filter(({ row }) => row?.[ATTRIBUTES.verifiedAt] !== undefined)
      .map(({ key }) => `${key} is verified`),
  ];
}

function verifiedProblem(
  { key, row, current, answers, pushes }: Case,
  { memberFromPostback, observer }: Evidence,
): string | undefined {
  if (row === undefined || !current.some(({ isReadable }) => isReadable)) return undefined;
  const isPushedMember = row[ATTRIBUTES.u1FromPostback]?.BOOL === true;
  if (isPushedMember && pushes[0]?.shown.u1 !== row.u1?.S)
    return 'has a u1 that its first push did not have';
  // An unreadable answer counts as a push, and can be the first one.
  const [firstAnswer] = answers;
  if (isPushedMember && (pushes[0]?.at ?? 0) > (observer.answeredAt.get(key) ?? 0))
    return 'has the u1 of a later push';
  if (
    !isPushedMember &&
    row.u1 === undefined &&
    pushes[0]?.shown.u1 !== undefined &&
    pushes[0].at < (firstAnswer?.firstAt ?? 0)
  )
    return 'lacks the u1 of its first push';
  const isVerified = row[ATTRIBUTES.verifiedAt] !== undefined;
  return isVerified === (!isPushedMember || memberFromPostback)
    ? undefined
    : isVerified
      ? 'verified'
      : 'not verified';
}

function stepClaims({ violations, largestRow, rows, foreignRecords }: Observer): Invariant[] {
  const good: Record<StepClaim, string> = {
    verified: `${rows.size} rows, at every write`,
    earned: 'checked every hour',
    survived: 'checked at the end of each run',
    withdrawn: 'checked at every write',
    identity: 'checked at every write',
    brake: 'checked at the end of each run',
    size: `the largest has ${largestRow} bytes`,
    publisher: `${foreignRecords} records of another publisher were returned`,
  };
  return (Object.keys(STEP_CLAIMS) as StepClaim[]).map((claim) =>
    none(STEP_CLAIMS[claim], violations.get(claim) ?? [], good[claim]),
  );
}

/** Orders earn their verified lines, with the values of Rakuten's answers. */
function earnedProblems(cases: readonly Case[], { observer }: Evidence): string[] {
  const truth = new Map<string, SettlementLine[]>();
  for (const known of cases) {
    const { row, key } = known;
    if (row?.[ATTRIBUTES.verifiedAt] === undefined) continue;
    const answer = candidates(known).find((candidate) => showsAnswer(row, candidate));
    if (answer !== undefined)
      add(
        truth,
        `${answer.shown.advertiser_id ?? ''} ${answer.shown.order_id}`,
        expectedLine(key, answer.shown),
      );
  }
  return [...observer.orderNames].flatMap((order) => {
    const [table, ledger] = [observer.linesOf(order), truth.get(order) ?? []].map((lines) =>
      amountsOf(settle(lines).earned),
    );
    return table === ledger ? [] : [`${order}: ${table} instead of ${ledger}`];
  });
}

function add<K, T>(lists: Map<K, T[]>, key: K, item: T): void {
  lists.set(key, [...(lists.get(key) ?? []), item]);
}

function expectedLine(
  key: string,
  { sku_number, currency, sale_amount, commissions }: Shown,
): SettlementLine {
  const [line_id = '', is_event = ''] = key.split(/ (?=[YN-]$)/);
  return {
    line_id,
    is_event: is_event as 'Y',
    sku_number,
    currency,
    sale_amount,
    commissions,
    verified_at: 'once',
  };
}

const amountsOf = (lines: readonly SettlementLine[]): string =>
  lines
    .map(({ line_id, sale_amount, commissions }) => `${line_id} ${sale_amount} ${commissions}`)
    .sort()
    .join(', ');

/** Confirmed lines that two daily runs could have returned and did not. */
function notWithdrawn(cases: readonly Case[], evidence: Evidence): string[] {
  const { observer, eliminatedBefore, modes, returned } = evidence;
  const oldest = returned.reduce(
    (least, { line }) => Math.min(least, Date.parse(line.process_date ?? '')),
    Number.POSITIVE_INFINITY,
  );
  const retained =
    modes.retentionDays === undefined
      ? 0
      : eliminatedBefore + (4 - modes.retentionDays) * DAY_MILLIS;
  return cases
    .filter(({ key, row, applied }) => {
      const { from, to } = observer.eliminations.get(key) ?? { from: Number.POSITIVE_INFINITY };
      const processed = Date.parse(row?.process_date?.S ?? '');
      const isEvident = processed > oldest && processed > Math.max(evidence.readSince, retained);
      return applied !== undefined && from < eliminatedBefore && to === undefined && isEvident;
    })
    .filter(({ row }) => row?.[ATTRIBUTES.withdrawnAt] === undefined)
    .map(({ key }) => key);
}

/** What was acknowledged must not need the reconciliation: the row says that a push brought it. */
function droppedProblem({ row, pushes, answers }: Case): string | undefined {
  if (!pushes.some(({ sender }) => sender === 'Rakuten')) return undefined;
  if (row === undefined) return 'no row';
  // An unreadable answer, or one about another line, counts as a push of the Events API.
  const isCountedAsPush = answers.some(
    (a) => !a.isReadable || answers.some((b) => isOtherLine(a, b)),
  );
  return row[ATTRIBUTES.source]?.S === SOURCES.push || isCountedAsPush
    ? undefined
    : 'the row knows no push';
}

function misreadProblem({ row, pushes }: Case, { modes }: Evidence): string | undefined {
  const isPlain = modes.escaping === 'once' && modes.charset === 'utf-8';
  if (row === undefined || !isPlain || !pushes.every(({ sender }) => sender === 'Rakuten'))
    return undefined;
  const other = Object.keys(row[ATTRIBUTES.extra]?.M ?? {}).filter(
    (name) => !STATIC_NAMES.includes(name),
  );
  return other.length === 0 ? undefined : `has ${other.join('+')}`;
}

function replacedProblem(
  { key, row, readable }: Case,
  { corrected }: Evidence,
): string | undefined {
  if (row?.[ATTRIBUTES.replacedAnswers] === undefined || corrected.has(key) || readable.length > 1)
    return undefined;
  return 'has a replaced answer';
}

function none(claim: string, problems: readonly string[], otherwise = '0 rows'): Invariant {
  return {
    claim,
    holds: problems.length === 0,
    found: problems.length === 0 ? otherwise : `${problems.length} ${examples(problems)}`,
  };
}

const EXAMPLES = 3;
const examples = (all: readonly string[]): string =>
  `(${all.slice(0, EXAMPLES).join('; ')}${all.length > EXAMPLES ? '; …' : ''})`;
