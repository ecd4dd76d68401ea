import { type Cost, type CostLine, toCosts } from './lines';
import { PRICES, type Price } from './prices';
import { logText, type Traffic } from './push';
import type { Template } from './template';
import { newRow } from './writes';

/** Prices of the other ways only. */
export const ALTERNATIVE_PRICES = {
  httpRequest: {
    of: 'API Gateway, HTTP API',
    dollars: 1,
    unit: 'a million requests',
    source: PRICES.restRequest.source,
  },
  gatewayEvent: {
    of: 'Hookdeck, events beyond the 10,000 of its Team plan',
    dollars: 10,
    unit: 'a million events',
    source:
      'hookdeck.com/pricing, "$1.00 per additional 100k", as read by a third party on 20 September 2026 (api-evangelist/hookdeck on GitHub, plans/hookdeck-plans-pricing.yml)',
  },
  gatewayPlan: {
    of: 'Hookdeck, Team plan',
    dollars: 39,
    unit: 'a month',
    source: 'the same: "Starts at $39 /month"',
  },
} as const satisfies Record<string, Price>;

/** Another way of a postback into the same table with the same indexes. */
export interface Alternative {
  readonly name: string;
  /** Dollars a month, whatever the traffic. */
  readonly monthly: number;
  costs(template: Template, traffic: Traffic): Cost[];
}

/**
 * A function that answers the GET is invoked for each of them. Assumed: the consumer's memory, and
 * 25 ms for a row.
 */
const MEMORY_GIGABYTES = 0.5;
const MILLIS_FOR_ONE = 25;
/** One write after the other, as usual: 10 ms each, and 15 ms of overhead. */
const MILLIS_AROUND = 15;
const MILLIS_PER_WRITE = 10;
/** Default batch size of the pattern library's event source, and maximum of one SQS request. */
const PATTERN_BATCH = 10;

const invocation = (messages: number, millis: number): CostLine[] => [
  ['Lambda', `an invocation for ${messages}`, 1 / messages, PRICES.functionRequest],
  [
    'Lambda',
    `${MEMORY_GIGABYTES} GB for ${millis} ms`,
    (MEMORY_GIGABYTES * millis) / 1000 / messages,
    PRICES.functionSecond,
  ],
];

const functionForEach = (template: Template): CostLine[] => [
  ...invocation(1, MILLIS_FOR_ONE),
  ...newRow(template),
  logText(1),
];

export const ALTERNATIVES: readonly Alternative[] = [
  {
    name: 'Lambda behind a REST API, writing the row',
    monthly: 0,
    costs: (template) =>
      toCosts([['API Gateway', 'one GET', 1, PRICES.restRequest], ...functionForEach(template)]),
  },
  {
    name: 'Lambda behind an HTTP API, writing the row',
    monthly: 0,
    costs: (template) =>
      toCosts([
        ['API Gateway', 'one GET', 1, ALTERNATIVE_PRICES.httpRequest],
        ...functionForEach(template),
      ]),
  },
  {
    name: 'Lambda function URL, writing the row',
    monthly: 0,
    costs: (template) => toCosts(functionForEach(template)),
  },
  {
    name: 'Solutions Constructs `aws-apigateway-sqs` and `aws-sqs-lambda`, with a handler of your own',
    monthly: 0,
    costs: (template, { messagesPerBatch }) => {
      const messages = Math.min(messagesPerBatch, PATTERN_BATCH);
      return toCosts([
        ['API Gateway', 'one GET', 1, PRICES.restRequest],
        ['SQS', 'one send', 1, PRICES.queueRequest],
        ['SQS', `receive and delete, ${messages} at once`, 2 / messages, PRICES.queueRequest],
        ...invocation(messages, MILLIS_AROUND + messages * MILLIS_PER_WRITE),
        ...newRow(template),
        logText(messages),
      ]);
    },
  },
  {
    name: 'Hookdeck (Team plan) in front of a function URL that writes the row',
    monthly: ALTERNATIVE_PRICES.gatewayPlan.dollars,
    costs: (template) =>
      toCosts([
        ['Hookdeck', 'one event', 1, ALTERNATIVE_PRICES.gatewayEvent],
        ...functionForEach(template),
      ]),
  },
];
