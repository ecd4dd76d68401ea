import { availableParallelism, cpus } from 'node:os';
import colors from 'picocolors';
import { METRICS } from '../../core/names';
import type { PlayedCampaign } from './campaign';
import type { Incidents, SpellKind } from './incidents';
import type { OffTime } from './slot-diary';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface RunFacts {
  readonly seed: number;
  readonly days: number;
  readonly lines: number;
  readonly isDynalite: boolean;
  /** Real time. */
  readonly millis: number;
}

export const holds = ({ invariants }: Pick<PlayedCampaign, 'invariants'>): boolean => invariants.every((invariant) => invariant.holds);

/** How to play the same campaign again. */
export const replayCommand = ({ seed, days, lines, isDynalite }: Omit<RunFacts, 'millis'>): string =>
  `npm run campaign -- --seed ${seed} --days ${days} --lines ${lines}${isDynalite ? ' --dynalite' : ''}`;

/** A campaign and its result, for people. */
export function report(campaign: PlayedCampaign, facts: RunFacts): string {
  return [
    section('What was played', [
      ['Rakuten', `${campaign.habits}; its clock ${ahead(campaign.skewMillis)}`],
      ['installation', `on a takeover the watch does ${campaign.onTakeover}, a deployment ${campaign.existingPostback}`],
      ['lines', lines(campaign, facts)],
      ['trouble', `${campaign.incidents.spells.length} spells and ${campaign.incidents.happenings.length} single events`],
      ...spellTable(campaign),
      ['people', people(campaign)],
      ['schedules', schedules(campaign)],
    ]),
    section(
      'Result',
      campaign.invariants.map(({ holds: ok, claim, found }) => [mark(ok), `${claim}: ${ok ? found : colors.red(found)}`]),
    ),
    section('Cost', [
      ['lost lines', lost(campaign)],
      ['delivered', delivered(campaign)],
      ['postback off', off(campaign)],
      ['DynamoDB', calls(campaign)],
      ['machine', machine(facts)],
    ]),
    holds(campaign)
      ? colors.green(`✓ Seed ${facts.seed}: nothing lost, nothing twice, nothing forged.`)
      : `${colors.red(`✗ Seed ${facts.seed}: a promise is broken.`)} Play it again: ${colors.bold(replayCommand(facts))}`,
  ].join('\n\n');
}

/** Every spell and event in the order of time. */
export function timeline({ incidents }: Pick<PlayedCampaign, 'incidents'>): string {
  const entries = [
    ...incidents.spells.map(({ kind, from, to, severity }) => ({
      at: from,
      text: `${kind}, ${span(to - from)}, severity ${severity.toFixed(2)}`,
    })),
    ...incidents.happenings.map(({ kind, at }) => ({ at, text: kind })),
  ];
  return entries
    .sort((a, b) => a.at - b.at)
    .map(({ at, text }) => `  ${colors.dim(new Date(at).toISOString().slice(0, 16).replace('T', ' '))}  ${text}`)
    .join('\n');
}

/** `2 h 5 min`, `340 ms`. */
export function span(millis: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', DAY],
    ['h', HOUR],
    ['min', MINUTE],
    ['s', SECOND],
    ['ms', 1],
  ];
  const first = units.findIndex(([, size]) => millis >= size);
  if (first < 0) return '0 s';
  const [[name = '', size = 1] = [], next] = [units[first], units[first + 1]];
  const whole = Math.floor(millis / size);
  const rest = next === undefined ? 0 : Math.floor((millis - whole * size) / next[1]);
  // Below a minute the larger unit says enough.
  return rest === 0 || size <= SECOND ? `${whole} ${name}` : `${whole} ${name} ${rest} ${next?.[0]}`;
}

type Row = readonly [label: string, text: string];

const section = (title: string, rows: readonly Row[]): string =>
  [colors.bold(title), ...rows.map(([label, text]) => `  ${label.padEnd(label.length > 1 ? 14 : 1)} ${text}`)].join('\n');

const mark = (ok: boolean): string => (ok ? colors.green('✓') : colors.red('✗'));
const count = (number: number): string => number.toLocaleString('en-US');
const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)} %`;
const ahead = (millis: number): string => (millis >= 0 ? `${span(millis)} ahead` : `${span(-millis)} behind`);

const lines = (
  { history, redeliveries, corrections, eliminations, forged, attacks, duplicated }: PlayedCampaign,
  facts: RunFacts,
): string =>
  `${count(facts.lines)} in ${facts.days} days, ${count(history)} from before; ${count(redeliveries)} pushed twice, ${count(corrections)} corrected later, ` +
  `${count(duplicated)} messages delivered twice by the queue; ${count(eliminations)} eliminated; ` +
  `${count(forged)} GETs without the secret, ${count(attacks)} of an attacker who has it`;

function spellTable({ incidents }: PlayedCampaign): Row[] {
  const kinds = [...new Set(incidents.spells.map(({ kind }) => kind))].sort();
  return kinds.map((kind): Row => {
    const lengths = incidents.spells.filter((spell) => spell.kind === kind).map(({ from, to }) => to - from);
    const all = lengths.reduce((sum, length) => sum + length, 0);
    const longest = lengths.length > 1 ? `, longest ${span(Math.max(...lengths))}` : '';
    return ['', `${colors.dim('·')} ${kind satisfies SpellKind}: ${lengths.length} × , ${span(all)} in all${longest}`];
  });
}

const people = ({ operator: o }: PlayedCampaign): string =>
  `${o.deployments} deployments (${o.rolledBack} rolled back, ${o.failedRollbacks} rollbacks continued by an operator), ` +
  `${o.rotations} secret rotations (${o.failedRotations} tries failed), ${count(o.redriven)} dead letters redriven`;

const schedules = ({ schedules: s, batches, deaths }: PlayedCampaign): string =>
  `${count(s.watches)} status checks (${s.failedChecks} failed, ${s.restorations} restored the postback), ${count(s.reconciliations)} reconciliations ` +
  `(${s.failedReconciliations} failed, ${s.braked} braked) over ${count(s.compared)} lines, ${count(batches)} consumer batches (${count(deaths)} died)`;

function lost({ fates }: PlayedCampaign): string {
  const { lost: all, delivered: others, recoveryMillis: times, recoverySinceRecordedMillis: sinceRecorded } = fates;
  if (all === 0) return 'none';
  return `${count(all)} (${percent(all, all + others)}) that no push brought; back after ${quantiles(times)}; from when the Events API returned them ${quantiles(sinceRecorded)}`;
}

function delivered({ fates, pushes, metrics }: PlayedCampaign): string {
  const { deliveryMillis: times } = fates;
  return (
    `${count(fates.delivered)}, in the table ${quantiles(times)} after the push was due; ${count(pushes.sent)} GETs sent, ${count(pushes.acknowledged)} acknowledged, ` +
    `${count(pushes.timeouts)} over 400 ms, ${count(pushes.unreachable)} unreachable, ${count(pushes.refused)} refused, ${count(pushes.skipped)} not sent; ` +
    `${count(metrics.sum(METRICS.duplicate))} duplicates absorbed`
  );
}

const quantiles = (sorted: readonly number[]): string =>
  `${span(quantile(sorted, 0.5))} (median), ${span(quantile(sorted, 0.99))} (p99), ${span(sorted.at(-1) ?? 0)} (worst)`;

const quantile = (sorted: readonly number[], share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;

function off({ offTimes, days, pushes, incidents }: PlayedCampaign): string {
  if (offTimes.length === 0) return 'never';
  const lengths = offTimes.map(length);
  const all = lengths.reduce((sum, millis) => sum + millis, 0);
  const reasons = [...new Set(offTimes.map(({ reason }) => reason))].map((reason) => {
    const own = offTimes.filter((time) => time.reason === reason);
    return `${reason} ${own.length} × ${span(own.reduce((sum, time) => sum + length(time), 0))}`;
  });
  return (
    `${offTimes.length} times, ${span(all)} in all (${percent(all, days * DAY)}), longest ${span(Math.max(...lengths))}: ${reasons.join(', ')}; ` +
    `${pushes.autoDisabled} of them by Rakuten after failed pushes; ${span(offWhileWell(offTimes, incidents))} of the time switched off with an endpoint that worked`
  );
}

/**
 * How long the postback was switched off while the endpoint worked: the delay of the watch, and its
 * backoff. To the minute.
 */
function offWhileWell(offTimes: readonly OffTime[], incidents: Incidents): number {
  const kinds: readonly SpellKind[] = ['endpoint unreachable', 'endpoint answers 500', 'endpoint slow'];
  let millis = 0;
  for (const { reason, from, to = from } of offTimes) {
    if (reason !== 'switched off') continue;
    for (let at = from; at < to; at += MINUTE) {
      if (kinds.every((kind) => incidents.severity(kind, at) === 0)) millis += Math.min(MINUTE, to - at);
    }
  }
  return millis;
}

const length = ({ from, to }: OffTime): number => (to ?? from) - from;

function calls({ calls: all, rows }: PlayedCampaign): string {
  const counts = [...all].sort(([, a], [, b]) => b - a).map(([name, number]) => `${count(number)} ${name.replace('Command', '')}`);
  return `${counts.join(', ')} for ${count(rows.length)} rows`;
}

function machine({ millis, isDynalite }: RunFacts): string {
  const [cpu] = cpus();
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  return `${availableParallelism()} × ${cpu?.model.trim() ?? 'unknown processor'}, Node ${process.versions.node}, tables in ${isDynalite ? 'dynalite' : 'memory'}: ${span(millis)}, ${count(memory)} MB`;
}
