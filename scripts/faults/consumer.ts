import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { ArchiveRecord } from '../../core/archive/record';
import { ATTRIBUTES } from '../../core/names';
import { PROBE_KIND, STATE_KEYS } from '../../core/store/publisher-state';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import { TransactionWriter } from '../../core/store/write';
import { Batch, recordOf } from './batch';
import { STATE_TABLE, TABLE, URL_SECRET } from './names';
import { acceptedUrl } from './publisher';
import type { Case, Scenario } from './scenario';
import type { World } from './world';

const SID = '3900112';
const TITLE = 'a batch: a new line, a changed one, one that is there, a probe';
const NEXT =
  'SQS delivers the messages that were not acknowledged again, five times, then they wait in the dead-letter queue with the reason noted';

/** A batch of a line that is new, one that Rakuten changed, one that is there already, and a probe. */
export const consuming: Scenario = {
  handler: 'consumer',
  title: TITLE,
  next: NEXT,
  begin: (world, serial) => begin(world, serial, 'consumer'),
};

/** The same, with an archive of the raw messages. */
export const archiving: Scenario = {
  handler: 'archiving-consumer',
  title: TITLE,
  next: NEXT,
  begin: (world, serial) => begin(world, serial, 'archiving-consumer'),
};

const lineOf = (serial: number, id: string, amount: string) => ({
  is_event: 'N',
  etransaction_id: `${id}-${serial}`,
  sid: SID,
  advertiser_id: '41207',
  order_id: `O-${serial}`,
  sale_amount: amount,
  process_date: '2026-04-18T09:31:12.000+00:00',
});

async function begin(world: World, serial: number, bundle: 'consumer' | 'archiving-consumer'): Promise<Case> {
  await world.forgetAll();
  const client = world.clients.dynamodb;
  await new DynamoRegistrationStore(client, STATE_TABLE).writeState({ sid: SID, accepted: [acceptedUrl(URL_SECRET)] });
  await writeRow(world, lineOf(serial, 'changed', '10'));
  await writeRow(world, lineOf(serial, 'known', '20'));
  const probe = `probe-${serial}`;
  const contents: Readonly<Record<string, string>>[] = [
    lineOf(serial, 'new', '5.50'),
    { ...lineOf(serial, 'changed', '11'), process_date: '2026-04-18T10:00:00.000+00:00' },
    lineOf(serial, 'known', '20'),
    { probe },
  ];
  const batch = new Batch(contents.map((parameters, index) => recordOf(`message-${serial}-${index}`, parameters)));
  const consumer = world.fresh(bundle, 30);
  const isDone = (index: number): boolean => batch.isDone(index);
  const wrong = async (): Promise<string[]> => [
    ...(await wrongRows(world, serial, isDone)),
    ...(isDone(3) && !(await isNoted(world, probe)) ? ['a probe was acknowledged and is not noted'] : []),
    ...(bundle === 'consumer' ? [] : wrongArchive(world, serial, isDone)),
  ];
  return {
    act: () => batch.deliver(consumer),
    wrongAtOnce: wrong,
    recover: () => batch.deliverRest(consumer),
    wrongInTheEnd: async () => [...(await wrong()), ...(batch.isOpen ? ['a message failed undisturbed'] : [])],
    close: () => consumer.close(),
  };
}

async function writeRow({ clients }: World, fields: ReturnType<typeof lineOf>): Promise<void> {
  await new TransactionWriter(clients.dynamodb, TABLE, 1).write({
    fields: { ...fields, process_date: '2026-04-18T09:31:12.000Z' },
    problems: [],
    extra: {},
    query: 'before',
    requestId: 'before',
    receivedAt: '2026-04-18T09:31:12.500Z',
    source: 'push',
  });
}

async function wrongRows({ clients }: World, serial: number, isDone: (index: number) => boolean): Promise<string[]> {
  const { Items = [] } = await clients.dynamodb.send(
    new QueryCommand({
      TableName: TABLE,
      KeyConditionExpression: 'order_key = :o',
      ExpressionAttributeValues: { ':o': { S: `${SID}#41207#O-${serial}` } },
      ConsistentRead: true,
    }),
  );
  const shown = new Map(Items.map((item) => [item.etransaction_id?.S?.split('-')[0] ?? '', item]));
  const [changed, known] = [shown.get('changed'), shown.get('known')];
  const wrong: string[] = [];
  if (Items.length > 3) wrong.push('a line has two rows');
  if (isDone(0) && shown.get('new')?.sale_amount?.N !== '5.5') wrong.push('a new line was acknowledged and is not in the table');
  if (isDone(1) && (changed?.sale_amount?.N !== '11' || changed[ATTRIBUTES.previousVersions]?.L?.length !== 1))
    wrong.push('a change was acknowledged and is not in the row once');
  if (known?.sale_amount?.N !== '20' || known[ATTRIBUTES.previousVersions] !== undefined) wrong.push('a known row was changed');
  return wrong;
}

async function isNoted({ clients }: World, probe: string): Promise<boolean> {
  const key = { [STATE_KEYS.partition]: { S: PROBE_KIND }, [STATE_KEYS.sort]: { S: probe } };
  const { Item } = await clients.dynamodb.send(new GetItemCommand({ TableName: STATE_TABLE, Key: key, ConsistentRead: true }));
  return Item !== undefined;
}

/** What was acknowledged is in the archive; it may be there twice. A probe is not kept. */
function wrongArchive({ standIns }: World, serial: number, isDone: (index: number) => boolean): string[] {
  const kept = new Set(standIns.archived.map((text) => (JSON.parse(text) as ArchiveRecord).request_id));
  const lost = [0, 1, 2].filter((index) => isDone(index) && !kept.has(`message-${serial}-${index}`));
  return lost.length === 0 ? [] : [`${lost.length} messages were acknowledged and are not in the archive`];
}
