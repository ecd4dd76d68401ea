import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from '@aws-sdk/client-sqs';
import type { SendMessages } from './ports';

/** SQS's limits for one call. The second one has been raised to 1 MiB since; the smaller one holds everywhere. */
const MESSAGES_PER_CALL = 10;
const BYTES_PER_CALL = 256 * 1024;
const CALLS_AT_ONCE = 8;
/** Messages of a call can be refused one by one, for instance when SQS is throttling. */
const MAX_TRIES = 6;
const FIRST_WAIT_MILLIS = 100;

/** Sends messages to a queue, ten a call. Rejects when one of them could not be delivered; what was sent by then may be sent again. */
export function sqsOutbox(
  client: Pick<SQSClient, 'send'>,
  queueUrl: string,
  pause: (millis: number) => Promise<unknown> = sleep,
): SendMessages {
  return async (messages) => {
    const calls = packed(messages);
    for (let start = 0; start < calls.length; start += CALLS_AT_ONCE) {
      await Promise.all(calls.slice(start, start + CALLS_AT_ONCE).map((call) => sendCall({ client, queueUrl, pause }, call)));
    }
  };
}

/** The messages are URL-encoded forms: a character is a byte. */
function packed(messages: readonly string[]): string[][] {
  const calls: string[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const last = calls.at(-1);
    bytes += message.length;
    if (last !== undefined && last.length < MESSAGES_PER_CALL && bytes <= BYTES_PER_CALL) {
      last.push(message);
    } else {
      calls.push([message]);
      bytes = message.length;
    }
  }
  return calls;
}

interface Outbox {
  readonly client: Pick<SQSClient, 'send'>;
  readonly queueUrl: string;
  readonly pause: (millis: number) => Promise<unknown>;
}

async function sendCall({ client, queueUrl, pause }: Outbox, messages: readonly string[]): Promise<void> {
  let entries: SendMessageBatchRequestEntry[] = messages.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  for (let tries = 1; ; tries += 1) {
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
    if (Failed.length === 0) return;
    const hopeless = Failed.find(({ SenderFault }) => SenderFault === true);
    if (hopeless !== undefined || tries >= MAX_TRIES) {
      const { Code, Message } = hopeless ?? Failed[0] ?? {};
      throw new Error(`SQS does not take ${Failed.length} of ${entries.length} messages, also after ${tries} tries: ${Code}: ${Message}`);
    }
    const failed = new Set(Failed.map(({ Id }) => Id));
    entries = entries.filter(({ Id }) => failed.has(Id));
    await pause(FIRST_WAIT_MILLIS * 2 ** tries);
  }
}
