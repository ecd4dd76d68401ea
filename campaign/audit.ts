import { ATTRIBUTES } from '../core/names';
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

/** Holds the table against what Rakuten has. */
export function audit(ledger: readonly LineRecord[], rows: readonly Row[], leftovers: Leftovers): Invariant[] {
  const comparison = compareRows(ledger, rows);
  const forged = rows.filter((row) => (row.etransaction_id?.S ?? '').startsWith(FORGED_PREFIX) || row.u1?.S === 'm_forger');
  const unverified = rows.filter((row) => row[ATTRIBUTES.verifiedAt] === undefined);
  const { queue, deadLetters, isOn } = leftovers;
  return [
    { claim: 'the table equals Rakuten’s ledger exactly', holds: isExact(comparison), found: describe(comparison, ledger.length) },
    {
      claim: 'no forged row stands in it',
      holds: forged.length === 0,
      found: `${forged.length} of ${leftovers.forged} forged GETs ${examples(forged.map(idOf))}`,
    },
    {
      claim: 'every forged GET was turned away',
      holds: leftovers.rejected >= leftovers.forged,
      found: `${leftovers.rejected} turned away`,
    },
    {
      claim: 'Rakuten’s own interface has confirmed every row',
      holds: unverified.length === 0,
      found: `${unverified.length} unconfirmed ${examples(unverified.map(idOf))}`,
    },
    { claim: 'nothing is left in the queue', holds: queue + deadLetters === 0, found: `${queue} messages, ${deadLetters} dead letters` },
    { claim: 'the postback is on, and ours', holds: isOn, found: isOn ? 'on' : 'off' },
  ];
}

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
