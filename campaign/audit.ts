import { ATTRIBUTES, SOURCES } from '../core/names';
import type { LineRecord } from '../local/fake-rakuten';
import { type Comparison, compareRows, isExact, type Row } from '../local/verify';
import { FORGED_PREFIX } from './forgery';

/** Something that must hold at the end of a campaign, whatever happened. */
export interface Invariant {
  readonly claim: string;
  readonly holds: boolean;
  /** What was found, with examples where it does not hold. */
  readonly found: string;
}

export interface Leftovers {
  readonly queue: number;
  readonly deadLetters: number;
  readonly isOn: boolean;
  /** Forged GETs that came into the queue, and messages that the consumer turned away. */
  readonly forged: number;
  readonly rejected: number;
}

/** What is known of the lines beside what Rakuten holds. Lines by the sort key of their row. */
export interface Known {
  /** Of these a push came into the queue. */
  readonly arrived: readonly string[];
  /** These were corrected by Rakuten. */
  readonly corrected: ReadonlySet<string>;
  /** Names of the static values that some field list has. */
  readonly statics: readonly string[];
}

/** Holds the table against what Rakuten has. */
export function audit(ledger: readonly LineRecord[], rows: readonly Row[], known: Known, leftovers: Leftovers): Invariant[] {
  const comparison = compareRows(toldLedger(ledger, rows), rows);
  const forged = rows.filter((row) => (row.etransaction_id?.S ?? '').startsWith(FORGED_PREFIX) || row.u1?.S === 'm_forger');
  const unverified = rows.filter((row) => row[ATTRIBUTES.verifiedAt] === undefined);
  const changed = rows.filter((row) => row[ATTRIBUTES.previousVersions] !== undefined && !known.corrected.has(idOf(row)));
  const misread = rows.filter(
    (row) => row[ATTRIBUTES.parseProblems] !== undefined || extraNames(row).some((name) => !known.statics.includes(name)),
  );
  const { queue, deadLetters, isOn } = leftovers;
  return [
    { claim: 'the table equals Rakuten’s ledger exactly', holds: isExact(comparison), found: describe(comparison, ledger.length) },
    none('no forged row stands in it', forged, `0 of ${leftovers.forged} forged GETs`),
    {
      claim: 'every forged GET was turned away',
      holds: leftovers.rejected >= leftovers.forged,
      found: `${leftovers.rejected} turned away, repetitions by the queue included`,
    },
    arrival(rows, known),
    none('every push was read by the fields it was registered with', misread),
    none('only what Rakuten corrected counts as changed', changed),
    none('Rakuten’s own interface has confirmed every row', unverified),
    { claim: 'nothing is left in the queue', holds: queue + deadLetters === 0, found: `${queue} messages, ${deadLetters} dead letters` },
    { claim: 'the postback is on, and ours', holds: isOn, found: isOn ? 'on' : 'off' },
  ];
}

/** What a row can know: the Events API tells times to the second, a push to the millisecond. */
function toldLedger(ledger: readonly LineRecord[], rows: readonly Row[]): LineRecord[] {
  const byId = new Map(rows.map((row) => [idOf(row), row]));
  return ledger.map((line) => {
    const row = byId.get(lineId(line));
    const told = (field: 'process_date' | 'transaction_date'): string | undefined =>
      row?.[field]?.S?.endsWith('.000Z') ? line[field]?.replace(/\.\d+/, '.000') : line[field];
    return { ...line, process_date: told('process_date'), transaction_date: told('transaction_date') };
  });
}

/** What was acknowledged must not need the reconciliation: the row says that a push brought it. */
function arrival(rows: readonly Row[], { arrived }: Known): Invariant {
  const byPush = new Set(rows.filter((row) => row[ATTRIBUTES.source]?.S === SOURCES.push).map(idOf));
  const dropped = arrived.filter((id) => !byPush.has(id));
  const claim = 'no push that came into the queue was dropped behind it';
  return { claim, holds: dropped.length === 0, found: `${dropped.length} of ${arrived.length} ${examples(dropped)}`.trim() };
}

const none = (claim: string, rows: readonly Row[], otherwise = '0 rows'): Invariant => ({
  claim,
  holds: rows.length === 0,
  found: rows.length === 0 ? otherwise : `${rows.length} rows ${examples(rows.map(idOf))}`,
});

const extraNames = (row: Row): string[] => Object.keys(row[ATTRIBUTES.extra]?.M ?? {});

function describe({ intact, missing, repeated, different, unexpected }: Comparison, lines: number): string {
  const parts = [`${intact} of ${lines} lines as they are`];
  if (missing.length > 0) parts.push(`${missing.length} missing ${examples(missing.map(lineId))}`);
  if (repeated.length > 0) parts.push(`${repeated.length} more than once ${examples(repeated.map(lineId))}`);
  if (different.length > 0)
    parts.push(`${different.length} different ${examples(different.map(({ line, fields }) => `${lineId(line)} in ${fields.join('+')}`))}`);
  if (unexpected.length > 0) parts.push(`${unexpected.length} rows that nobody sent ${examples(unexpected.map(idOf))}`);
  return parts.join('; ');
}

const lineId = ({ etransaction_id, is_event }: LineRecord): string => `${etransaction_id}#${is_event}`;
const idOf = (row: Row): string => row[ATTRIBUTES.lineKey]?.S ?? '?';

const EXAMPLES = 3;
const examples = (all: readonly string[]): string =>
  all.length === 0 ? '' : `(${all.slice(0, EXAMPLES).join(', ')}${all.length > EXAMPLES ? ', …' : ''})`;
