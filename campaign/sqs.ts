import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Random } from '../local/random';
import type { SimulatedClock } from './clock';
import type { SimulatedQueue } from './queue';

/** The part of the SQS client with which the reconciliation sends: it may be refused as a whole, or a message of it. */
export function simulatedSqs(
  queue: SimulatedQueue,
  { clock, random, refused }: { readonly clock: SimulatedClock; readonly random: Random; readonly refused: () => number },
): Pick<SQSClient, 'send'> {
  const send = async (command: unknown): Promise<unknown> => {
    if (!(command instanceof SendMessageBatchCommand))
      throw new Error(`the simulated SQS does not know ${(command as object).constructor.name}`);
    await clock.sleep(5 + random.next() * 20);
    if (random.chance(refused() / 3)) throw Object.assign(new Error('Service Unavailable'), { name: 'ServiceUnavailable' });
    const entries = command.input.Entries ?? [];
    const failed = entries.filter(() => random.chance(refused() / 2));
    for (const entry of entries) if (!failed.includes(entry)) queue.send(entry.MessageBody ?? '');
    return { Failed: failed.map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError', Message: 'try again' })) };
  };
  return { send } as Pick<SQSClient, 'send'>;
}
