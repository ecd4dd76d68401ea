import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { recordOf } from './consumer';
import type { Case, Scenario } from './scenario';

const MESSAGES = 4;

export const relaying: Scenario = {
  handler: 'relay',
  title: `a batch of ${MESSAGES} messages for the queue of the other region`,
  next: 'SQS delivers the messages that were not acknowledged again, until the retention of the queue here ends',
  async begin(world, serial): Promise<Case> {
    await world.forgetAll();
    const relay = world.fresh('relay', 30);
    const batch = Array.from({ length: MESSAGES }, (_, index) => recordOf(`message-${serial}-${index}`, { u1: `member-${index}` }));
    const arrived = new Set<string>();
    let open = batch;
    const deliver = async (): Promise<void> => {
      const { batchItemFailures } = (await relay.invoke({ Records: open } satisfies SQSEvent)) as SQSBatchResponse;
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      open = open.filter(({ messageId }) => failed.has(messageId));
    };
    const wrong = async (): Promise<string[]> => {
      for (const body of await world.takeMessages()) arrived.add(body);
      const lost = batch.filter((record) => !open.includes(record) && !arrived.has(record.body));
      return lost.length === 0 ? [] : [`${lost.length} messages were acknowledged and have not arrived`];
    };
    return {
      act: () =>
        deliver().then(
          () => (open.length === 0 ? 'all done' : `${open.length} of ${MESSAGES} messages come again`),
          () => 'the run fails, and all messages come again',
        ),
      wrongAtOnce: wrong,
      recover: async () => {
        if (open.length > 0) await deliver();
      },
      wrongInTheEnd: async () => [...(await wrong()), ...(open.length > 0 ? ['a message failed undisturbed'] : [])],
      close: () => relay.close(),
    };
  },
};
