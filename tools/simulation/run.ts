import colors from 'picocolors';
import { type CampaignProgress, playCampaign } from './campaign';
import { startDynalite } from './dynalite';
import type { DynamoDbServer } from './memory-dynamodb';
import { holds, replayCommand, report, span, timeline } from './report';

export interface RunOptions {
  readonly seed: number;
  /** Number of campaigns, with consecutive seeds. */
  readonly runs: number;
  readonly days: number;
  readonly lines: number;
  readonly isDynalite: boolean;
  readonly showTimeline: boolean;
}

export interface Output {
  readonly print: (text: string) => void;
  /**
   * Replaces the progress line; an empty text removes it.
   *
   * @default - prints a line for each tenth of the campaign
   */
  readonly progress?: (text: string) => void;
  readonly signal?: AbortSignal;
  /** Where the tables are. Overrides the options. */
  readonly server?: DynamoDbServer;
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

async function runCampaign(options: RunOptions, output: Output): Promise<boolean> {
  const { seed, days, lines, isDynalite } = options;
  const started = Date.now();
  output.print(colors.bold(`\nCampaign with seed ${seed}: ${days} days, ${lines.toLocaleString('en-US')} lines\n`));
  const dynalite = isDynalite && output.server === undefined ? await startDynalite() : undefined;
  try {
    const campaign = await playCampaign({
      seed,
      days,
      lines,
      server: output.server ?? dynalite?.server,
      signal: output.signal,
      onProgress: progressReporter(output, started),
    });
    output.progress?.('');
    output.print(report(campaign, { ...options, millis: Date.now() - started }));
    if (options.showTimeline) output.print(`\n${timeline(campaign)}`);
    return holds(campaign);
  } catch (error) {
    output.progress?.('');
    if (!output.signal?.aborted) output.print(`${colors.red('✗')} The campaign broke off. Play it again: ${replayCommand(options)}`);
    throw error;
  } finally {
    await dynalite?.close();
  }
}

function progressReporter({ print, progress }: Output, started: number): (where: CampaignProgress) => void {
  let reported = 0;
  return ({ hour, hours, rows, pushes }) => {
    const share = hour / hours;
    const left = ((Date.now() - started) / share) * (1 - share);
    const text = `day ${Math.ceil(hour / 24)} of ${Math.ceil(hours / 24)}  ${pushes.toLocaleString('en-US')} pushes, ${rows.toLocaleString('en-US')} rows`;
    if (progress !== undefined) progress(`${bar(share)} ${text}  ${colors.dim(`about ${span(left)} left`)}`);
    else if (Math.floor(share * 10) > reported) {
      reported = Math.floor(share * 10);
      print(colors.dim(`· ${text}`));
    }
  };
}

const BAR_WIDTH = 24;
const bar = (share: number): string => {
  const full = Math.round(share * BAR_WIDTH);
  return `${'█'.repeat(full)}${colors.dim('░'.repeat(BAR_WIDTH - full))}`;
};
