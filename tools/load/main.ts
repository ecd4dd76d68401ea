/** `node tools/run.mjs load`: sends postbacks at full speed and measures memory and handles. */
import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import colors from 'picocolors';
import { complaints, sampleLine, summary } from './report';
import { load } from './run';

function positive(text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError('give a number above 0');
}

const command = new Command('node tools/run.mjs load')
  .description(
    'Sends postbacks to the endpoint of the synthesized app as fast as it accepts them, and checks that nothing is lost and nothing grows.',
  )
  .option('--minutes <number>', 'duration', positive, 30)
  .option('--senders <number>', 'pushes at once', positive, 8)
  .option('--rate <number>', 'maximum number of pushes a second (default: no limit)', positive)
  .option('--orders <number>', 'orders of a round, each some three pushes; after a round the table must be exact', positive, 1500)
  .option('--seed <number>', 'seed of the lines', positive, 1)
  .option('--series <file>', 'write every sample to this file, as JSON')
  .allowExcessArguments(false)
  .parse();

async function main(): Promise<void> {
  const given = command.opts<{ minutes: number; senders: number; rate?: number; orders: number; seed: number; series?: string }>();
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const result = await load({
    ...given,
    ordersPerRound: given.orders,
    signal: interrupted.signal,
    onProgress: (text) => console.log(colors.dim(`· ${text}`)),
    onSample: (sample) => console.log(sampleLine(sample)),
  });
  if (given.series !== undefined) await writeFile(given.series, `${JSON.stringify(result.samples, null, 1)}\n`);
  console.log(`\n${summary(result)}\n`);
  const wrong = complaints(result);
  for (const complaint of wrong) console.error(colors.red(`✗ ${complaint}`));
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(colors.red(`✗ ${error instanceof Error ? error.message : String(error)}`));
  process.exitCode = 1;
});
