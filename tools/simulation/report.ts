import { availableParallelism, cpus } from 'node:os';
import colors from 'picocolors';
import { METRICS } from '../../core/names';
import type { PlayedCampaign } from './campaign';
import type { Incidents } from './incidents';
import type { OffTime } from './slot-diary';
import type { World } from './world';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface RunFacts {
  readonly seed: number;
  readonly days: number;
  readonly lines: number;
  /** Real time. */
  readonly millis: number;
}

export const holds = ({ invariants }: Pick<PlayedCampaign, 'invariants'>): boolean =>
  invariants.every((invariant) => invariant.holds);

/** How to play the same campaign again. */
export const replayCommand = ({ seed, days, lines }: Omit<RunFacts, 'millis'>): string =>
  `npm run campaign -- --seed ${seed} --days ${days} --lines ${lines}`;

/** A campaign and its result, for people. */
export function report({ world, invariants, rows }: PlayedCampaign, facts: RunFacts): string {
  const { rakuten, skewMillis, onTakeover, existingPostback, incidents } = world;
  return [
    section('What was played', [
      [
        'Rakuten',
        `${rakuten.habits}; its clock ${skewMillis >= 0 ? `${span(skewMillis)} ahead` : `${span(-skewMillis)} behind`}`,
      ],
      [
        'installation',
        `on a takeover the watch does ${onTakeover}, a deployment ${existingPostback}`,
      ],
      ['lines', lines(world, facts)],
      [
        'trouble',
        `${incidents.spells.length} spells and ${incidents.happenings.length} single events`,
      ],
      ['people', people(world)],
      ['functions', functions(world)],
    ]),
    section(
      'Result',
      invariants.map(({ holds: ok, claim, found }) => [
        ok ? colors.green('✓') : colors.red('✗'),
        `${claim}: ${ok ? found : colors.red(found)}`,
      ]),
    ),
    section('Cost', [
      ['lost lines', lost(world)],
      ['delivered', delivered(world)],
      ['postback off', off(world, facts)],
      [
        'DynamoDB',
        `${[...world.dynamodb.calls].map(([name, number]) => `${count(number)} ${name}`).join(', ')} for ${count(rows.length)} rows`,
      ],
      ['machine', machine(facts)],
    ]),
    holds({ invariants })
      ? colors.green(`✓ Seed ${facts.seed}: nothing lost, nothing twice, nothing forged.`)
      : `${colors.red(`✗ Seed ${facts.seed}: a promise is broken.`)} Play it again: ${colors.bold(replayCommand(facts))}`,
  ].join('\n\n');
}

/** Every spell and event in the order of time. */
export function timeline({ spells, happenings }: Incidents): string {
  const entries = [
    ...spells.map(({ kind, from, to, severity }) => ({
      at: from,
      text: `${kind}, ${span(to - from)}, severity ${severity.toFixed(2)}`,
    })),
    ...happenings.map(({ kind, at }) => ({ at, text: kind })),
  ];
  return entries
    .sort((a, b) => a.at - b.at)
    .map(
      ({ at, text }) =>
        `  ${colors.dim(new Date(at).toISOString().slice(0, 16).replace('T', ' '))}  ${text}`,
    )
    .join('\n');
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', DAY],
  ['h', HOUR],
  ['min', MINUTE],
  ['s', SECOND],
  ['ms', 1],
];

/** `2 h 5 min`, `340 ms`. */
export function span(millis: number): string {
  const first = UNITS.findIndex(([, size]) => millis >= size);
  if (first < 0) return '0 s';
  const [[name = '', size = 1] = [], next] = [UNITS[first], UNITS[first + 1]];
  const whole = Math.floor(millis / size);
  const rest = next === undefined ? 0 : Math.floor((millis - whole * size) / next[1]);
  // Below a minute the larger unit says enough.
  return rest === 0 || size <= SECOND
    ? `${whole} ${name}`
    : `${whole} ${name} ${rest} ${next?.[0]}`;
}

const section = (
  title: string,
  rows: readonly (readonly [label: string, text: string])[],
): string =>
  [
    colors.bold(title),
    ...rows.map(([label, text]) => `  ${label.padEnd(label.length > 1 ? 14 : 1)} ${text}`),
  ].join('\n');

const count = (number: number): string => number.toLocaleString('en-US');
const percent = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)} %`;

const lines = ({ traffic, queue, observer, forger }: World, facts: RunFacts): string =>
  `${count(facts.lines)} in ${facts.days} days, ${count(traffic.history.length)} from before; ${count(traffic.redeliveries)} pushed twice, ` +
  `${count(traffic.corrected.length)} corrected later, ${count(queue.duplicated)} messages delivered twice by the queue; ` +
  `${count(observer.eliminations.size)} eliminated; ${count(forger.sent)} GETs without the secret, ${count(observer.attacks)} of an attacker who has it`;

const people = ({ operator: { counts: o } }: World): string =>
  `${o.deployments} deployments (${o.rolledBack} rolled back, ${o.failedRollbacks} rollbacks continued by an operator), ` +
  `${o.rotations} secret rotations (${o.failedRotations} tries failed), ${count(o.redriven)} dead letters redriven`;

const functions = ({ schedules: { counts: s }, consumer: { batches, deaths } }: World): string =>
  `${count(s.watches)} status checks (${s.failedChecks} failed, ${s.restorations} restored the postback), ${count(s.reconciliations)} reconciliations ` +
  `(${s.failedReconciliations} failed, ${s.braked} braked) over ${count(s.compared)} lines, ${count(batches)} consumer batches (${count(deaths)} died)`;

function lost({ lineDiary }: World): string {
  const { lost: times, delivered: others } = lineDiary.fatesOfPushed();
  if (times.length === 0) return 'none';
  return `${count(times.length)} (${percent(times.length, times.length + others.length)}) that no push brought; back after ${quantiles(times)}`;
}

function delivered({ lineDiary, rakuten, metrics }: World): string {
  const { delivered: times } = lineDiary.fatesOfPushed();
  const { sent, acknowledged, timeouts, unreachable, refused, skipped } = rakuten.statistics;
  return (
    `${count(times.length)}, in the table ${quantiles(times)} after the push was due; ${count(sent)} GETs sent, ${count(acknowledged)} acknowledged, ` +
    `${count(timeouts)} over 400 ms, ${count(unreachable)} unreachable, ${count(refused)} refused, ${count(skipped)} not sent; ` +
    `${count(metrics.sum(METRICS.duplicate))} duplicates absorbed`
  );
}

const quantiles = (sorted: readonly number[]): string =>
  `${span(quantile(sorted, 0.5))} (median), ${span(quantile(sorted, 0.99))} (p99), ${span(sorted.at(-1) ?? 0)} (worst)`;

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;

function off({ slotDiary: { offTimes }, rakuten }: World, { days }: RunFacts): string {
  if (offTimes.length === 0) return 'never';
  const total = (times: readonly OffTime[]): number =>
    times.reduce((sum, { from, to = from }) => sum + to - from, 0);
  const reasons = [...new Set(offTimes.map(({ reason }) => reason))].map((reason) => {
    const own = offTimes.filter((time) => time.reason === reason);
    return `${reason} ${own.length} × ${span(total(own))}`;
  });
  return (
    `${offTimes.length} times, ${span(total(offTimes))} in all (${percent(total(offTimes), days * DAY)}): ${reasons.join(', ')}; ` +
    `${rakuten.statistics.autoDisabled} of them by Rakuten after failed pushes`
  );
}

function machine({ millis }: RunFacts): string {
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${availableParallelism()} × ${processor}, Node ${process.versions.node}: ${span(millis)}, ${count(memory)} MB`;
}
