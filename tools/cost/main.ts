/** `npm run cost`: what a million postbacks cost, counted in the app's own template. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { synthesize } from '../../local/template/assembly';
import { ALTERNATIVE_PRICES, ALTERNATIVES } from './alternatives';
import { ATTACK_HEAD, attackCells } from './attack';
import { fixedCosts } from './fixed';
import { type Cost, sumOf } from './lines';
import { PRICES, PRICES_AS_OF } from './prices';
import { pushCosts, type Traffic } from './push';
import { reconciliationCosts } from './reconciliation';
import type { Template } from './template';
import { bytesToSpare, keepingAMillionRows } from './writes';

/**
 * Assumed, not measured on AWS: a conditional write takes 10 ms, and those of a batch run at once.
 */
const QUIET: Traffic = { name: 'each alone', messagesPerBatch: 1, millisPerBatch: 25 };
const BUSY: Traffic = { name: 'in bursts', messagesPerBatch: 50, millisPerBatch: 150 };

const dollars = (amount: number): string => amount.toFixed(2);

async function main(): Promise<void> {
  const outDir = await mkdtemp(join(tmpdir(), 'postback-cost-'));
  try {
    const { template } = await synthesize(outDir, {
      sid: '3900112',
      credentialsSecretName: 'rakuten/api',
    });
    print(template as unknown as Template);
  } finally {
    await rm(outDir, { recursive: true });
  }
}

function print(template: Template): void {
  const [quiet, busy] = [pushCosts(template, QUIET), pushCosts(template, BUSY)];
  const reconciled = reconciliationCosts(template);
  const table = new Table({
    head: [
      '',
      'counted for one postback',
      `$ per million, ${QUIET.name}`,
      `$ per million, ${BUSY.name}`,
    ],
    colAligns: ['left', 'left', 'right', 'right'],
    style: { head: [], border: [] },
  });
  const sums = (part: string, alone: readonly Cost[], inBursts: readonly Cost[]): void => {
    table.push([part, '', dollars(sumOf(alone)), dollars(sumOf(inBursts))]);
  };
  for (const [i, cost] of busy.entries()) {
    const alone = quiet[i] as Cost;
    const counted =
      cost.counted === alone.counted ? cost.counted : `${alone.counted} / ${cost.counted}`;
    table.push([cost.part, counted, dollars(alone.dollars), dollars(cost.dollars)]);
  }
  sums('push', quiet, busy);
  for (const { part, counted, dollars: amount } of reconciled)
    table.push([part, counted, dollars(amount), dollars(amount)]);
  sums('reconciliation', reconciled, reconciled);
  sums('together', [...quiet, ...reconciled], [...busy, ...reconciled]);
  console.log(`us-east-1, on demand, without the free tier; prices of ${PRICES_AS_OF}\n`);
  console.log(table.toString());

  const ways = new Table({
    head: ['another way into the same table', ...table.options.head.slice(2), '$ a month'],
    style: { head: [], border: [] },
  });
  for (const { name, monthly, costs } of ALTERNATIVES)
    ways.push([
      name,
      dollars(sumOf(costs(template, QUIET))),
      dollars(sumOf(costs(template, BUSY))),
      dollars(monthly),
    ]);
  console.log(`\nWithout reconciliation, watch and alarms:\n\n${ways}`);

  const attacks = new Table({ head: ATTACK_HEAD, style: { head: [], border: [] } });
  attacks.push(...attackCells(template));
  console.log(`\nAn hour of GETs of an attacker, as many as the endpoint accepts:\n\n${attacks}`);

  const fixed = fixedCosts(template);
  const spare = bytesToSpare();
  const unit = `${dollars(PRICES.writeUnit.dollars)} $ per million`;
  const total = fixed.reduce((sum, [, amount]) => sum + amount, 0);
  console.log(`
In addition, a month:
  ${dollars(keepingAMillionRows(template))} $ for each million rows, with their index entries and point-in-time recovery
${fixed.map(([what, amount]) => `  ${dollars(amount)} $ for ${what}`).join('\n')}
  ${dollars(total)} $ in all without postbacks

Assumed: ${QUIET.millisPerBatch} ms for a message alone, ${BUSY.millisPerBatch} ms for ${BUSY.messagesPerBatch} at once; full pages of the Events API; a row of usual length.
A row that is more than ${spare.confirmation} bytes longer (a long product name) costs another write unit for the confirmation, and
from ${spare.push} bytes on one for the push: ${unit} each.
Not included: reading the rows, network traffic out, the free tier (1 million requests a month each of SQS and Lambda, among others).

Prices:`);
  for (const { of, dollars: price, unit, source } of Object.values({
    ...PRICES,
    ...ALTERNATIVE_PRICES,
  }))
    console.log(`  ${of}: ${price} $ ${unit} (${source})`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
