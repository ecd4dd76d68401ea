import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Log } from '../shared/log';

export interface RelayParts {
  /** Of the region of the queue. */
  readonly client: SQSClient;
  /** Where the messages go. */
  readonly queueUrl: string;
  readonly log: Log;
}

/**
 * Hands messages on to the queue of another region, as they are. What could not be handed on stays
 * in the queue here and is tried again; a message that was handed on twice is one row all the same,
 * as every redelivery is.
 */
export class Relay {
  constructor(private readonly parts: RelayParts) {}

  async handle(
    { Records }: SQSEvent,
    context: { readonly awsRequestId: string },
  ): Promise<SQSBatchResponse> {
    const log = this.parts.log.of(context);
    const { Successful = [], Failed = [] } = await this.send(Records.map(({ body }) => body));
    const arrived = new Set(Successful.map(({ Id }) => Id));
    const failed = Records.filter((_, index) => !arrived.has(String(index)));
    log.info('batch', { messages: Records.length, relayed: Records.length - failed.length });
    if (failed.length === 0) return { batchItemFailures: [] };

    const reasons = [...new Set(Failed.map(({ Code, Message }) => `${Code}: ${Message}`))].join(
      '; ',
    );
    // A batch of which nothing arrived is a failed invocation, which Lambda counts as an error and
    // answers by slowing down.
    if (failed.length === Records.length)
      throw new Error(`no message was taken by the queue of the other region: ${reasons}`);
    log.warn('some messages were not taken by the queue of the other region and are tried again', {
      count: failed.length,
      reasons,
    });
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  }

  private send(bodies: readonly string[]) {
    const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    return this.parts.client.send(
      new SendMessageBatchCommand({ QueueUrl: this.parts.queueUrl, Entries }),
    );
  }
}
