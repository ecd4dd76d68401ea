/** `npm run campaign`: thirty simulated days of everything that can go wrong. */
import { randomInt } from 'node:crypto';
import { interruptible, runCommand, toolCommand, wholeNumber } from '../command-line';
import { runCampaigns } from './run';
import { LONG, SHORT } from './settings';

const command = toolCommand(
  'campaign',
  'Plays thirty simulated days of postbacks with outages, crashes, attacks and deployments drawn from a seed, and compares the table with the ledger of Rakuten.',
)
  .option(
    '--seed <number>',
    'which campaign; the same number plays the same one (drawn when left out)',
    wholeNumber(0, 2 ** 31),
  )
  .option(
    '--runs <number>',
    'how many campaigns, with the seeds that follow',
    wholeNumber(1, 10_000),
    1,
  )
  .option('--days <number>', 'simulated days', wholeNumber(1, 60))
  .option('--lines <number>', 'lines that Rakuten pushes', wholeNumber(1, 5_000_000))
  .option('--short', `${SHORT.days} days and ${SHORT.lines} lines, as with the tests`)
  .option('--timeline', 'list all trouble with its time')
  .parse();

interface Options {
  readonly seed?: number;
  readonly runs: number;
  readonly days?: number;
  readonly lines?: number;
  readonly short?: boolean;
  readonly timeline?: boolean;
}

runCommand(async () => {
  const { seed = randomInt(1_000_000), runs, short, timeline, ...size } = command.opts<Options>();
  const options = {
    ...(short ? SHORT : LONG),
    ...size,
    seed,
    runs,
    showTimeline: timeline ?? false,
  };
  process.exitCode = await runCampaigns(options, { print: console.log, signal: interruptible() });
});
