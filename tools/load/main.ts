/** `node tools/run.mjs load`: sends postbacks at full speed and measures memory and handles. */
import colors from 'picocolors';
import { interruptible, positiveNumber, runCommand, toolCommand } from '../command-line';
import { complaints, sampleLine, summary } from './report';
import { load } from './run';

const command = toolCommand(
  'load',
  'Sends postbacks to the endpoint of the synthesized app as fast as it accepts them, and checks that nothing is lost and nothing grows.',
)
  .option('--minutes <number>', 'duration', positiveNumber, 30)
  .option('--senders <number>', 'pushes at once', positiveNumber, 8)
  .option(
    '--rate <number>',
    'maximum number of pushes a second (default: no limit)',
    positiveNumber,
  )
  .option(
    '--orders <number>',
    'orders of a round, each some three pushes; after a round the table must be exact',
    positiveNumber,
    1500,
  )
  .option('--seed <number>', 'seed of the lines', positiveNumber, 1)
  .parse();

runCommand(async () => {
  const given = command.opts<{
    minutes: number;
    senders: number;
    rate?: number;
    orders: number;
    seed: number;
  }>();
  const result = await load({
    ...given,
    ordersPerRound: given.orders,
    signal: interruptible(),
    onProgress: (text) => console.log(colors.dim(`· ${text}`)),
    onSample: (sample) => console.log(sampleLine(sample)),
  });
  console.log(`\n${summary(result)}\n`);
  const wrong = complaints(result);
  for (const complaint of wrong) console.error(colors.red(`✗ ${complaint}`));
  process.exitCode = wrong.length === 0 ? 0 : 1;
});
