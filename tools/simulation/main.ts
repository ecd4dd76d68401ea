/** `npm run campaign`: thirty simulated days of everything that can go wrong. */
import { randomInt } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import colors from 'picocolors';
import { type RunOptions, runCampaigns } from './run';
import { LONG, SHORT } from './size';

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`give a whole number from ${least} to ${most}`);
  };
}

function options(): RunOptions {
  const command = new Command('npm run campaign --')
    .description(
      'Plays thirty simulated days of postbacks with outages, crashes, attacks and deployments drawn from a seed, and compares the table with the ledger of Rakuten.',
    )
    .option('--seed <number>', 'which campaign; the same number plays the same one (drawn when left out)', wholeNumber(0, 2 ** 31))
    .option('--runs <number>', 'how many campaigns, with the seeds that follow', wholeNumber(1, 10_000), 1)
    .option('--days <number>', 'simulated days', wholeNumber(1, 60))
    .option('--lines <number>', 'lines that Rakuten pushes', wholeNumber(1, 5_000_000))
    .option('--short', `${SHORT.days} days and ${SHORT.lines} lines, as with the tests`)
    .option('--dynalite', 'keep the tables in the embedded DynamoDB server, which is much slower')
    .option('--timeline', 'list all trouble with its time')
    .allowExcessArguments(false)
    .parse();
  const given = command.opts<{
    seed?: number;
    runs: number;
    days?: number;
    lines?: number;
    short?: boolean;
    dynalite?: boolean;
    timeline?: boolean;
  }>();
  const size = given.short ? SHORT : LONG;
  return {
    seed: given.seed ?? randomInt(1_000_000),
    runs: given.runs,
    days: given.days ?? size.days,
    lines: given.lines ?? size.lines,
    isDynalite: given.dynalite ?? false,
    showTimeline: given.timeline ?? false,
  };
}

async function main(): Promise<void> {
  // The SDK would print a notice about Node versions into the middle of the output.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  try {
    process.exitCode = await runCampaigns(options(), {
      print: (text) => console.log(text),
      progress: process.stdout.isTTY ? (text) => process.stdout.write(`\r\x1b[2K${text}`) : undefined,
      signal: interrupted.signal,
    });
  } catch (error) {
    if (interrupted.signal.aborted) {
      console.error(colors.dim('\nstopped'));
      process.exitCode = 130;
      return;
    }
    throw error;
  }
}

void main();
