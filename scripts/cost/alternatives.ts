import { PRICES, type Price } from '../../core/prices';
import { type Cost, type CostLine, logText, type Template, type Traffic, toCosts, writes } from './count';

/** What only the other ways cost. */
export const ALTERNATIVE_PRICES = {
  httpRequest: { of: 'API Gateway, HTTP API', dollars: 1, unit: 'a million requests', source: PRICES.restRequest.source },
  gatewayEvent: {
    of: 'Hookdeck, events beyond the 10,000 of its Team plan',
    dollars: 10,
    unit: 'a million events',
    source:
      'hookdeck.com/pricing, "$1.00 per additional 100k", as read by a third party on 20 September 2026 (api-evangelist/hookdeck on GitHub, plans/hookdeck-plans-pricing.yml)',
  },
  gatewayPlan: { of: 'Hookdeck, Team plan', dollars: 39, unit: 'a month', source: 'the same: "Starts at $39 /month"' },
} as const satisfies Record<string, Price>;

/** Another way to get a postback into the same table with the same indexes. */
export interface Alternative {
  readonly name: string;
  /** Dollars a month, whatever comes. */
  readonly monthly: number;
  costs(template: Template, traffic: Traffic): Promise<Cost[]>;
}

/** A function in the way of the answer is invoked for each GET. Assumed: as much memory as the consumer's, and 25 ms for a row. */
const MEMORY_GIGABYTES = 0.5;
const MILLIS_FOR_ONE = 25;
/** One write after the other, as the usual handler does it: 10 ms each, and 15 around them. */
const MILLIS_AROUND = 15;
const MILLIS_PER_WRITE = 10;
/** What the pattern library's event source takes when nobody says otherwise, and what SQS hands out in one request. */
const PATTERN_BATCH = 10;

const invocation = (messages: number, millis: number): CostLine[] => [
  ['Lambda', `an invocation for ${messages}`, 1 / messages, PRICES.functionRequest],
  ['Lambda', `${MEMORY_GIGABYTES} GB for ${millis} ms`, (MEMORY_GIGABYTES * millis) / 1000 / messages, PRICES.functionSecond],
];

const functionForEach = async (template: Template): Promise<CostLine[]> => [
  ...invocation(1, MILLIS_FOR_ONE),
  ...(await writes(template)),
  logText(1),
];

export const ALTERNATIVES: readonly Alternative[] = [
  {
    name: 'Lambda behind a REST API, writing the row',
    monthly: 0,
    costs: async (template) => toCosts([['API Gateway', 'one GET', 1, PRICES.restRequest], ...(await functionForEach(template))]),
  },
  {
    name: 'Lambda behind an HTTP API, writing the row',
    monthly: 0,
    costs: async (template) =>
      toCosts([['API Gateway', 'one GET', 1, ALTERNATIVE_PRICES.httpRequest], ...(await functionForEach(template))]),
  },
  {
    name: 'Lambda function URL, writing the row',
    monthly: 0,
    costs: async (template) => toCosts(await functionForEach(template)),
  },
  {
    name: 'Solutions Constructs `aws-apigateway-sqs` and `aws-sqs-lambda`, with a handler of your own',
    monthly: 0,
    costs: async (template, { messagesPerBatch }) => {
      const messages = Math.min(messagesPerBatch, PATTERN_BATCH);
      return toCosts([
        ['API Gateway', 'one GET', 1, PRICES.restRequest],
        ['SQS', 'one send', 1, PRICES.queueRequest],
        ['SQS', `receive and delete, ${messages} at once`, 2 / messages, PRICES.queueRequest],
        ...invocation(messages, MILLIS_AROUND + messages * MILLIS_PER_WRITE),
        ...(await writes(template)),
        logText(messages),
      ]);
    },
  },
  {
    name: 'Hookdeck (Team plan) in front of a function URL that writes the row',
    monthly: ALTERNATIVE_PRICES.gatewayPlan.dollars,
    costs: async (template) =>
      toCosts([['Hookdeck', 'one event', 1, ALTERNATIVE_PRICES.gatewayEvent], ...(await functionForEach(template))]),
  },
];
