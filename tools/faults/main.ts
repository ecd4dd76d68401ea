/** `node tools/run.mjs faults`: every fault at every call of every function. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import colors from 'picocolors';
import { runCommand, toolCommand, wholeNumber } from '../command-line';
import { byLength, plansFor } from './plans';
import type { FaultPlan } from './proxy';
import { withTables } from './report';
import { type Baseline, disturbed, type Trial, undisturbed } from './run';
import { headingOf, type Scenario } from './scenario';
import { SCENARIOS } from './scenarios';
import { Worlds } from './side-by-side';

const DOCUMENT = join(__dirname, '..', '..', 'docs', 'faults.md');

const command = toolCommand(
  'faults',
  'Runs every function with every fault at every call that it makes, and checks that nothing is lost, duplicated, left behind or leaked.',
)
  .option('--only <text>', 'only functions and scenarios with this in their name', '')
  .option('--call <text>', 'only calls with this in their name', '')
  .option('--every <number>', 'run only every n-th trial', wholeNumber(1), 1)
  .option(
    '--side-by-side <number>',
    'number of trials at once; they mostly wait',
    wholeNumber(1),
    8,
  )
  .option('--write', "write these scenarios' tables into docs/faults.md")
  .parse();

interface Options {
  readonly only: string;
  readonly call: string;
  readonly every: number;
  readonly sideBySide: number;
  readonly write?: boolean;
}

interface Task {
  readonly scenario: Scenario;
  readonly plan: FaultPlan;
  readonly baseline: Baseline;
}

async function main(): Promise<void> {
  const { only, call, every, sideBySide, write } = command.opts<Options>();
  if (write && (every > 1 || call !== ''))
    command.error('a table is written whole: leave --every and --call out, or --write');
  const started = performance.now();
  const scenarios = SCENARIOS.filter((scenario) => headingOf(scenario).includes(only));
  const worlds = new Worlds(sideBySide);
  let trials: Trial[];
  try {
    const baselines = await worlds.all(scenarios, undisturbed);
    const tasks = scenarios.flatMap((scenario, index) =>
      tasksOf(scenario, baselines[index] as Baseline, { call, every }),
    );
    const byDuration = [...tasks].sort((a, b) => byLength(a.plan, b.plan));
    const done = await worlds.all(byDuration, async (world, { scenario, plan, baseline }) => {
      const trial = await disturbed(world, scenario, plan, baseline);
      report(trial);
      return trial;
    });
    trials = tasks.map((task) => done[byDuration.indexOf(task)] as Trial);
  } finally {
    await worlds.close();
  }
  const wrong = trials.filter((trial) => trial.wrong.length > 0).length;
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const atOnce = trials.filter((trial) => trial.asUndisturbed).length;
  console.log(
    `${trials.length} trials in ${minutes} minutes, ${atOnce} of them done at once, ${wrong} wrong`,
  );
  if (write) writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8'), trials, SCENARIOS));
  process.exitCode = wrong === 0 ? 0 : 1;
}

function tasksOf(
  scenario: Scenario,
  baseline: Baseline,
  { call, every }: Pick<Options, 'call' | 'every'>,
): Task[] {
  const plans = plansFor(baseline)
    .filter((plan) => plan.call.includes(call))
    .filter((_, index) => index % every === 0);
  console.log(
    colors.dim(`· ${headingOf(scenario)}: ${baseline.calls.length} calls, ${plans.length} trials`),
  );
  return plans.map((plan) => ({ scenario, plan, baseline }));
}

const REACHES: Record<FaultPlan['reach'], string> = {
  once: '',
  call: ' and on',
  service: ' and on, as the whole service',
};

function report({ scenario, plan, outcome, asUndisturbed, seconds, wrong }: Trial): void {
  const [kind, isOneOfMany] = scenario.title.split(':');
  const where = `${scenario.handler}${isOneOfMany === undefined ? '' : ` ${kind}`}: ${plan.call} ${plan.nth + 1}. ${plan.kind}${REACHES[plan.reach]}`;
  const what = `${where}: ${outcome} (${seconds.toFixed(1)} s)`;
  if (wrong.length > 0) console.error(colors.red(`✗ ${what}: ${wrong.join('; ')}`));
  else if (!asUndisturbed) console.log(colors.dim(`  ${what}`));
}

runCommand(main);
