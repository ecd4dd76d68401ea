import colors from 'picocolors';
import { playCampaign } from './campaign';
import type { MemoryDynamoDb } from './memory-dynamodb';
import { holds, replayCommand, report, timeline } from './report';

export interface RunOptions {
  readonly seed: number;
  /** Number of campaigns, with consecutive seeds. */
  readonly runs: number;
  readonly days: number;
  readonly lines: number;
  readonly showTimeline: boolean;
}

export interface Output {
  readonly print: (text: string) => void;
  readonly signal?: AbortSignal;
  /** Where the tables are. @default - a new one for each campaign */
  readonly server?: MemoryDynamoDb;
}

/**
 * Plays campaigns and reports each.
 *
 * Returns the exit code: 0 only if every claim holds in every one.
 */
export async function runCampaigns(options: RunOptions, output: Output): Promise<number> {
  const broken: number[] = [];
  for (let seed = options.seed; seed < options.seed + options.runs; seed += 1) {
    if (!(await runCampaign({ ...options, seed }, output))) broken.push(seed);
  }
  if (options.runs > 1) {
    const list =
      broken.length === 0
        ? colors.green('every promise kept in all of them')
        : colors.red(`broken promises with seed ${broken.join(', ')}`);
    output.print(`\n${options.runs} campaigns: ${list}`);
  }
  return broken.length === 0 ? 0 : 1;
}

async function runCampaign(
  options: RunOptions,
  { print, server, signal }: Output,
): Promise<boolean> {
  const { seed, days, lines } = options;
  const started = Date.now();
  print(
    colors.bold(
      `\nCampaign with seed ${seed}: ${days} days, ${lines.toLocaleString('en-US')} lines\n`,
    ),
  );
  let reported = 0;
  const onHour = (hour: number, hours: number): void => {
    const tenth = Math.floor((10 * hour) / hours);
    if (tenth > reported)
      print(colors.dim(`· day ${Math.ceil(hour / 24)} of ${Math.ceil(hours / 24)}`));
    reported = tenth;
  };
  try {
    const campaign = await playCampaign({ seed, days, lines, server, signal, onHour });
    print(report(campaign, { ...options, millis: Date.now() - started }));
    if (options.showTimeline) print(`\n${timeline(campaign.world.incidents)}`);
    return holds(campaign);
  } catch (error) {
    if (!signal?.aborted)
      print(`${colors.red('✗')} The campaign broke off. Play it again: ${replayCommand(options)}`);
    throw error;
  }
}
