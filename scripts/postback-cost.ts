/** What a million postbacks cost, counted from the resources of the app's own template: `npm run cost`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { PRICES, PRICES_AS_OF } from '../core/prices';
import { synthesize } from '../local/template/assembly';
import { bytesToSpare, type Cost, costsPerMillion, keepingAMillionRows, type Template, type Traffic } from './cost/count';
import { fixedCosts } from './cost/fixed';

/** Assumed, not measured on AWS: a conditional write answers in about 10 ms, and the writes of a batch run side by side. */
const QUIET: Traffic = { name: 'each alone', messagesPerBatch: 1, millisPerBatch: 25 };
const BUSY: Traffic = { name: 'in bursts', messagesPerBatch: 50, millisPerBatch: 150 };

const dollars = (amount: number): string => amount.toFixed(2);
const sum = (costs: readonly Cost[]): number => costs.reduce((total, cost) => total + cost.dollars, 0);

async function main(): Promise<void> {
  const outDir = await mkdtemp(join(tmpdir(), 'postback-cost-'));
  try {
    const { template } = await synthesize(outDir, { sid: '3900112', credentialsSecretName: 'rakuten/api' });
    await print(template as unknown as Template);
  } finally {
    await rm(outDir, { recursive: true });
  }
}

async function print(template: Template): Promise<void> {
  const [quiet, busy] = [await costsPerMillion(template, QUIET), await costsPerMillion(template, BUSY)];
  const table = new Table({
    head: ['', 'counted for one postback', `$ per million, ${QUIET.name}`, `$ per million, ${BUSY.name}`],
    colAligns: ['left', 'left', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const [i, cost] of busy.entries()) {
    const alone = quiet[i] as Cost;
    const counted = cost.counted === alone.counted ? cost.counted : `${alone.counted} / ${cost.counted}`;
    table.push([cost.part, counted, dollars(alone.dollars), dollars(cost.dollars)]);
  }
  table.push(['together', '', dollars(sum(quiet)), dollars(sum(busy))]);
  console.log(`us-east-1, on demand, without the free tier; prices of ${PRICES_AS_OF}\n`);
  console.log(table.toString());

  const fixed = fixedCosts(template).map(([what, amount]) => `  ${dollars(amount)} $ for ${what}`);
  console.log(`
Beside that, a month:
  ${dollars(await keepingAMillionRows(template))} $ for each million rows that are kept, with their index entries and point-in-time recovery
${fixed.join('\n')}

Assumed: ${QUIET.millisPerBatch} ms for a message alone, ${BUSY.millisPerBatch} ms for ${BUSY.messagesPerBatch} at once; a row of usual length. One that is
more than ${await bytesToSpare()} bytes longer (a long product name) costs another write unit, ${dollars(PRICES.writeUnit.dollars)} $ per million.
Not in it: reading the rows, the network out, the free tier (1 million requests a month each of SQS and Lambda, among others).

Prices:`);
  for (const { of, dollars: price, unit, source } of Object.values(PRICES)) console.log(`  ${of}: ${price} $ ${unit} (${source})`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
