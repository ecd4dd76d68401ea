/** `npm run faults`: every fault at every call of every function, and what becomes of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import colors from 'picocolors';
import { BEGIN, END, tables } from './report';
import { disturbed, plansFor, type Trial, undisturbed } from './run';
import { SCENARIOS } from './scenarios';
import { startServices } from './world';

const DOCUMENT = join(__dirname, '..', '..', 'docs', 'faults.md');

const command = new Command('npm run faults --')
  .description(
    'Runs every function with every fault at every call that it makes, and looks whether anything is lost, doubled, left behind or told that must not be.',
  )
  .option('--only <text>', 'only functions and scenarios with this in their name', '')
  .option(
    '--every <number>',
    'only every so many-th trial',
    (text: string) => {
      const number = Number(text);
      if (Number.isInteger(number) && number > 0) return number;
      throw new InvalidArgumentError('give a whole number above 0');
    },
    1,
  )
  .option('--write', 'write the tables of docs/faults.md')
  .allowExcessArguments(false)
  .parse();

async function main(): Promise<void> {
  const { only, every, write } = command.opts<{ only: string; every: number; write?: boolean }>();
  const services = await startServices();
  const trials: Trial[] = [];
  try {
    for (const scenario of SCENARIOS.filter(({ handler, title }) => `${handler}: ${title}`.includes(only))) {
      const baseline = await undisturbed(services, scenario);
      const plans = plansFor(baseline).filter((_, index) => index % every === 0);
      console.log(colors.dim(`· ${scenario.handler}: ${scenario.title}: ${baseline.calls.length} calls, ${plans.length} trials`));
      for (const plan of plans) {
        const trial = await disturbed(services, scenario, plan, baseline);
        trials.push(trial);
        const what = `${plan.call} ${plan.nth + 1}. ${plan.kind}${plan.lasts ? ' and on' : ''}: ${trial.outcome} (${trial.seconds.toFixed(1)} s)`;
        if (trial.wrong.length > 0) console.error(colors.red(`✗ ${what}: ${trial.wrong.join('; ')}`));
        else if (!trial.asUndisturbed) console.log(colors.dim(`  ${what}`));
      }
    }
  } finally {
    await services.close();
  }
  const wrong = trials.filter((trial) => trial.wrong.length > 0).length;
  console.log(`${trials.length} trials, ${trials.filter((t) => t.asUndisturbed).length} of them done at once, ${wrong} wrong`);
  if (write) {
    const next = new Map(SCENARIOS.map(({ handler, title, next }) => [`${handler}: ${title}`, next]));
    const text = readFileSync(DOCUMENT, 'utf8');
    const [before = ''] = text.split(BEGIN, 1);
    writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${tables(trials, next)}\n\n${END}${text.split(END)[1] ?? '\n'}`);
  }
  process.exitCode = wrong === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
