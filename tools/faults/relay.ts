import { Batch, recordOf } from './batch';
import type { Case, Scenario } from './scenario';

const MESSAGES = 4;

export const relaying: Scenario = {
  handler: 'relay',
  title: `a batch of ${MESSAGES} messages for the queue of the other region`,
  next: 'SQS delivers the messages that were not acknowledged again, until its retention ends',
  async begin(world, serial): Promise<Case> {
    await world.forgetAll();
    const relay = world.fresh('relay', 30);
    const records = Array.from({ length: MESSAGES }, (_, index) =>
      recordOf(`message-${serial}-${index}`, { u1: `member-${index}` }),
    );
    const batch = new Batch(records);
    const arrived = new Set<string>();
    const wrong = async (): Promise<string[]> => {
      for (const body of await world.takeMessages()) arrived.add(body);
      const lost = records.filter(({ body }, index) => batch.isDone(index) && !arrived.has(body));
      return lost.length === 0
        ? []
        : [`${lost.length} messages were acknowledged and have not arrived`];
    };
    return {
      act: () => batch.deliver(relay).catch(() => 'the run fails, and all messages come again'),
      wrongAtOnce: wrong,
      recover: () => batch.deliverRest(relay),
      wrongInTheEnd: async () => [
        ...(await wrong()),
        ...(batch.isOpen ? ['a message failed undisturbed'] : []),
      ],
      close: () => relay.close(),
    };
  },
};
