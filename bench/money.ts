import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRICES, PRICES_AS_OF, type Price } from '../core/prices';
import { synthesize } from '../local/template/assembly';
import { ALTERNATIVE_PRICES, ALTERNATIVES } from '../scripts/cost/alternatives';
import { type Cost, costsPerMillion, type Template, type Traffic } from '../scripts/cost/count';
import { fixedCosts } from '../scripts/cost/fixed';
import { type Block, digits, type Section, type TableBlock, thousands } from './report/section';

const ALONE: Traffic = { name: 'each alone', messagesPerBatch: 1, millisPerBatch: 25 };
const BURSTS: Traffic = { name: 'in bursts', messagesPerBatch: 50, millisPerBatch: 150 };

/** One postback lost in so many. */
const LOST_IN = [1_000_000, 100_000, 10_000, 1_000, 100];
const WORTH = [1, 5, 20];

export const money: Section = {
  name: 'money',
  title: 'Money',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'postback-bench-'));
    try {
      const { template } = await synthesize(folder, { sid: '3900112', credentialsSecretName: 'rakuten/api' });
      return await report(template as unknown as Template);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

const sum = (costs: readonly Cost[]): number => costs.reduce((total, cost) => total + cost.dollars, 0);

async function report(template: Template): Promise<Block[]> {
  const fixed = fixedCosts(template);
  const monthly = fixed.reduce((total, [, dollars]) => total + dollars, 0);
  const ways = [
    {
      name: '**this construct**',
      monthly,
      alone: sum(await costsPerMillion(template, ALONE)),
      bursts: sum(await costsPerMillion(template, BURSTS)),
    },
    ...(await Promise.all(
      ALTERNATIVES.map(async ({ name, monthly, costs }) => ({
        name,
        monthly,
        alone: sum(await costs(template, ALONE)),
        bursts: sum(await costs(template, BURSTS)),
      })),
    )),
  ];
  const cheapest = Math.min(...ways.map(({ bursts }) => bursts));
  const dearer = (ways[0]?.bursts ?? 0) - cheapest;
  return [
    `Dollars per million postbacks, each written to the same table with the same indexes; us-east-1, on demand, without free tiers, prices of ${PRICES_AS_OF}. "Each alone" is quiet traffic, "in bursts" full batches. A month is the million (or the hundred thousand) in bursts, and what is paid whatever comes:`,
    {
      head: ['way', 'each alone', 'in bursts', 'fixed, a month', 'month of 100,000', 'month of 1,000,000'],
      rows: ways.map((way) => [
        way.name,
        digits(way.alone, 2),
        digits(way.bursts, 2),
        digits(way.monthly, 2),
        digits(way.monthly + way.bursts / 10, 2),
        digits(way.monthly + way.bursts, 2),
      ]),
    },
    `Assumed: 25 ms of a 512 MB function for one row, 150 ms for fifty side by side, 10 ms for each of ten one after the other. Of the other ways only the way of a postback into the table is counted, not reconciliation, watch, alarms or their fixed costs, which they do not have. Fixed costs of this construct, of which the metrics are an upper bound:`,
    { head: ['what', '$ a month'], rows: fixed.map(([what, dollars]) => [what, digits(dollars, 2)]) },
    `What lost postbacks cost, in dollars per million, by how many are lost and what one is worth to you. (Rakuten owes the commission all the same; lost is that you know of it: the member who is not credited, and who asks.) This construct costs $${digits(dearer, 2)} per million more than the cheapest way: at $5 a postback that is earned back by ${dearer <= 5 ? 'the first one' : `${thousands(Math.ceil(dearer / 5))}`} in a million that is not lost.`,
    lossTable(),
    'A function between the GET and its answer loses those that meet a cold start which takes, with the connection, more than 400 ms. What share that is depends on the traffic: the quieter, the more. It was not measured.',
    'Where the prices come from. AWS changes them, and third parties copy with mistakes: look up what matters to you.',
    {
      head: ['price', '$', 'for', 'source'],
      rows: ([...Object.values(PRICES), ...Object.values(ALTERNATIVE_PRICES)] as Price[]).map(({ of, dollars, unit, source }) => [
        of,
        dollars,
        unit,
        source,
      ]),
    },
  ];
}

const lossTable = (): TableBlock => ({
  head: ['lost', ...WORTH.map((worth) => `worth $${worth}`)],
  rows: LOST_IN.map((one) => [`1 in ${thousands(one)}`, ...WORTH.map((worth) => thousands(lossPerMillion(1 / one, worth)))]),
});

/** Dollars per million postbacks. */
export const lossPerMillion = (lossRate: number, worth: number): number => 1e6 * lossRate * worth;
