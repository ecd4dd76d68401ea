import { type Cost, type CostLine, toCosts } from './lines';
import { PRICES } from './prices';
import { gigabytesOf, ofType, type Template } from './template';
import { newRow } from './writes';

/** How postbacks arrive. */
export interface Traffic {
  readonly name: string;
  /** Messages per invocation of the consumer. */
  readonly messagesPerBatch: number;
  /** Duration of an invocation. */
  readonly millisPerBatch: number;
}

/** SQS returns and deletes at most 10 messages per request, whatever the batch size. */
const MESSAGES_PER_QUEUE_REQUEST = 10;
/**
 * Log text of the consumer, with CloudWatch's 26 bytes per event: one line per message; per
 * invocation a summary, the metrics, and Lambda's own lines.
 */
const LOG_BYTES_PER_MESSAGE = 360;
const LOG_BYTES_PER_BATCH = 1900;
const GIGABYTE = 1e9;

/** Costs of a million postbacks on their way into the table. */
export function pushCosts(
  template: Template,
  { messagesPerBatch, millisPerBatch }: Traffic,
): Cost[] {
  const [mapping] = ofType(template, 'AWS::Lambda::EventSourceMapping');
  const consumer = template.Resources[mapping?.Properties.FunctionName.Ref];
  const [method] = ofType(template, 'AWS::ApiGateway::Method');
  if (mapping === undefined || consumer === undefined || method === undefined) {
    throw new Error('the template has no endpoint or no consumer');
  }
  if (messagesPerBatch > mapping.Properties.BatchSize)
    throw new Error(`a batch has at most ${mapping.Properties.BatchSize} messages here`);

  const perQueueRequest = Math.min(messagesPerBatch, MESSAGES_PER_QUEUE_REQUEST);
  const memory = gigabytesOf(consumer);
  return toCosts([
    ['API Gateway', 'one GET', 1, PRICES.restRequest],
    ['SQS', 'one send', 1, PRICES.queueRequest],
    [
      'SQS',
      `receive and delete, ${perQueueRequest} at once`,
      2 / perQueueRequest,
      PRICES.queueRequest,
    ],
    [
      'Lambda',
      `an invocation for ${messagesPerBatch}`,
      1 / messagesPerBatch,
      PRICES.functionRequest,
    ],
    [
      'Lambda',
      `${memory} GB for ${millisPerBatch} ms`,
      (memory * millisPerBatch) / 1000 / messagesPerBatch,
      PRICES.functionSecond,
    ],
    ...newRow(template),
    logText(messagesPerBatch),
  ]);
}

export const logText = (messagesPerBatch: number, loggedPerBatch = messagesPerBatch): CostLine => [
  'CloudWatch Logs',
  'log text of the consumer',
  (LOG_BYTES_PER_MESSAGE * loggedPerBatch + LOG_BYTES_PER_BATCH) / messagesPerBatch / GIGABYTE,
  PRICES.logIngestion,
];
