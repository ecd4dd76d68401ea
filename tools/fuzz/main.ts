/**
 * `node tools/run.mjs fuzz`: generated query strings through mapping template, parser, row and
 * table.
 */
import { randomInt } from 'node:crypto';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import colors from 'picocolors';
import { createTableInput } from '../../core/state/table';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import { interruptible, runCommand, toolCommand, wholeNumber } from '../command-line';
import { keep } from './corpus';
import { fuzz, type Tally } from './run';

const command = toolCommand(
  'fuzz',
  'Sends generated query strings through the mapping template, the parser, the row and the table, and stops at the first that arrives wrongly.',
)
  .option('--runs <number>', 'number of query strings', wholeNumber(0), 200_000)
  .option('--seed <number>', 'seed of the query strings (default: random)', wholeNumber(0))
  .option(
    '--store-every <number>',
    'interval of the lines that go through an embedded DynamoDB, 0: none',
    wholeNumber(0),
    500,
  )
  .parse();

const PROGRESS_SECONDS = 10;
const TABLE = 'transactions';

async function main(): Promise<void> {
  const {
    runs,
    seed = randomInt(1_000_000),
    storeEvery,
  } = command.opts<{ runs: number; seed?: number; storeEvery: number }>();
  const signal = interruptible();
  const dynamodb = await startDynamoDb();
  const client = dynamoDbClient(dynamodb.endpoint);
  try {
    await client.send(new CreateTableCommand(createTableInput(TABLE)));
    console.log(colors.dim(`· ${runs} query strings, seed ${seed}`));
    const started = performance.now();
    let shown = started;
    const onProgress = (tally: Tally): void => {
      if (performance.now() - shown < PROGRESS_SECONDS * 1000) return;
      shown = performance.now();
      console.log(colors.dim(`· ${inWords(tally, started)}`));
    };
    const { tally, finding } = await fuzz({
      runs,
      seed,
      storeEvery,
      table: { client, name: TABLE },
      onProgress,
      signal,
    });
    if (finding === undefined) {
      console.log(`${colors.green('✓')} ${inWords(tally, started)}: each arrived whole`);
      return;
    }
    console.error(
      `${colors.red('✗')} ${finding.complaint}\n  seed ${finding.seed}, smallest case:\n  ${JSON.stringify(finding.case)}`,
    );
    console.error(
      `  kept in ${keep(finding.case, finding.complaint)}: the tests run it from now on`,
    );
    process.exitCode = 1;
  } finally {
    client.destroy();
    await dynamodb.close();
  }
}

function inWords({ runs, stored, outcomes }: Tally, started: number): string {
  const rate = runs / ((performance.now() - started) / 1000);
  const counts = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  return `${runs} query strings (${counts}), ${stored} through the table, ${rate.toFixed(0)} a second`;
}

runCommand(main);
