import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRICES, PRICES_AS_OF, type Price } from '../../core/prices';
import { synthesize } from '../../local/template/assembly';
import { ALTERNATIVE_PRICES, ALTERNATIVES } from '../cost/alternatives';
import { fixedCosts } from '../cost/fixed';
import { sumOf } from '../cost/lines';
import { pushCosts, type Traffic } from '../cost/push';
import { reconciliationCosts } from '../cost/reconciliation';
import type { Template } from '../cost/template';
import { type Block, digits, type Section, type TableBlock, thousands } from './report/section';

const ALONE: Traffic = { name: 'each alone', messagesPerBatch: 1, millisPerBatch: 25 };
const BURSTS: Traffic = { name: 'in bursts', messagesPerBatch: 50, millisPerBatch: 150 };

/** Number of postbacks of which one is lost. */
const LOST_IN = [1_000_000, 100_000, 10_000, 1_000, 100];
const WORTH = [1, 5, 20];

export const money: Section = {
  name: 'money',
  title: 'Money',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'postback-bench-'));
    try {
      const { template } = await synthesize(folder, { sid: '3900112', credentialsSecretName: 'rakuten/api' });
      return report(template as unknown as Template);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

function report(template: Template): Block[] {
  const fixed = fixedCosts(template);
  const monthly = fixed.reduce((total, [, dollars]) => total + dollars, 0);
  const [alone, bursts] = [sumOf(pushCosts(template, ALONE)), sumOf(pushCosts(template, BURSTS))];
  const reconciled = sumOf(reconciliationCosts(template));
  const ways = [
    { name: '**this construct**', monthly, alone: alone + reconciled, bursts: bursts + reconciled },
    { name: 'this construct, the way into the table alone', monthly: 0, alone, bursts },
    ...ALTERNATIVES.map(({ name, monthly, costs }) => ({
      name,
      monthly,
      alone: sumOf(costs(template, ALONE)),
      bursts: sumOf(costs(template, BURSTS)),
    })),
  ];
  const cheapest = Math.min(...ways.map(({ bursts }) => bursts));
  const dearer = (ways[0]?.bursts ?? 0) - cheapest;
  return [
    `Dollars per million postbacks, each written to the same table with the same indexes; us-east-1, on demand, without free tiers, prices of ${PRICES_AS_OF}. "Each alone" is quiet traffic, "in bursts" full batches. The first line has everything that is on by default: confirmation and reconciliation of each line over its life, and the fixed costs. A month is the million (or the hundred thousand) in bursts, and the fixed costs:`,
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
    `Assumed: 25 ms of a 512 MB function for one row, 150 ms for fifty side by side, 10 ms for each of ten one after the other. The other ways have no reconciliation, watch or alarms: compare them with the second line. Fixed costs of this construct, of which the metrics are an upper bound:`,
    { head: ['what', '$ a month'], rows: fixed.map(([what, dollars]) => [what, digits(dollars, 2)]) },
    `Cost of lost postbacks, in dollars per million, by their share and their worth to you. (Rakuten owes the commission all the same. What is lost is your record of it: a member is not credited, and asks.) This construct costs $${digits(dearer, 2)} per million more than the cheapest way: at $5 a postback, ${dearer <= 5 ? 'one in a million that is not lost pays' : `${thousands(Math.ceil(dearer / 5))} in a million that are not lost pay`} for that.`,
    lossTable(),
    'A function that answers the GET loses postbacks that meet a cold start of more than 400 ms, connection included. Their share was not measured; it is larger with less traffic.',
    'Sources of the prices. AWS changes them, and third parties make mistakes: check those that matter to you.',
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
