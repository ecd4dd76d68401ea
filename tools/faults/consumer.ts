import { randomUUID } from 'node:crypto';
import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { ArchiveRecord } from '../../core/archive/archive-record';
import { ATTRIBUTES, INDEXES } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import { parseMessage } from '../../core/rakuten/postback/message';
import { PROBE_KIND, STATE_KEYS } from '../../core/state/publisher-state';
import type { Item } from '../../core/transactions/attributes';
import { lineIdOf, parseLineId } from '../../core/transactions/keys';
import { readPushedLine } from '../../core/transactions/pushed-line';
import { itemKey } from '../../core/transactions/row-store';
import { Batch, recordOf } from './batch';
import { STATE_TABLE, TABLE, URL_SECRET } from './names';
import { acceptedUrl, putState } from './publisher';
import { rowStore } from './rows';
import type { Case, Scenario } from './scenario';
import type { World } from './world';

const SID = '3900112';
const TITLE = 'a batch: a new line, a known one with other content, one that is there, a probe';
const NEXT =
  'SQS delivers the messages that were not acknowledged again, five times, then they wait in the dead-letter queue with the reason recorded';

/** A new line, other content for a known one, a line that is there, and a probe. */
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

async function begin(
  world: World,
  serial: number,
  bundle: 'consumer' | 'archiving-consumer',
): Promise<Case> {
  await world.forgetAll();
  const client = world.clients.dynamodb;
  await putState(client, STATE_TABLE, { sid: SID, accepted: [acceptedUrl(URL_SECRET)] });
  await writeRow(world, lineOf(serial, 'changed', '10'));
  await writeRow(world, lineOf(serial, 'known', '20'));
  const probe = randomUUID();
  const contents: Readonly<Record<string, string>>[] = [
    lineOf(serial, 'new', '5.50'),
    lineOf(serial, 'changed', '11'),
    lineOf(serial, 'known', '20'),
    { probe },
  ];
  const batch = new Batch(
    contents.map((parameters, index) => recordOf(`message-${serial}-${index}`, parameters)),
  );
  const consumer = world.fresh(bundle, 30);
  const isDone = (index: number): boolean => batch.isDone(index);
  const wrong = async (): Promise<string[]> => [
    ...(await wrongRows(world, serial, isDone)),
    ...(isDone(3) && !(await isRecorded(world, probe))
      ? ['a probe was acknowledged and is not recorded']
      : []),
    ...(bundle === 'consumer' ? [] : wrongArchive(world, serial, isDone)),
  ];
  return {
    act: () => batch.deliver(consumer),
    wrongAtOnce: wrong,
    recover: () => batch.deliverRest(consumer),
    wrongInTheEnd: async () => [
      ...(await wrong()),
      ...(batch.isOpen ? ['a message failed undisturbed'] : []),
    ],
    close: () => consumer.close(),
  };
}

/** A row that an earlier postback made. */
async function writeRow({ clients }: World, fields: ReturnType<typeof lineOf>): Promise<void> {
  const earlier = {
    ...parseMessage(recordOf('before', fields).body),
    receivedAt: '2026-04-18T09:31:12.500Z',
  };
  const line = readPushedLine(earlier, { sid: SID, fieldListId: '', fields: ALL_FIELDS });
  if (line === undefined) throw new Error('the fields are no line');
  await rowStore(clients.dynamodb).writePushes(line.key, [line.push], Date.now() + 10_000);
}

async function wrongRows(
  { clients }: World,
  serial: number,
  isDone: (index: number) => boolean,
): Promise<string[]> {
  const { Items = [] } = await clients.dynamodb.send(
    new QueryCommand({
      TableName: TABLE,
      IndexName: INDEXES.byOrder,
      KeyConditionExpression: 'order_id = :o',
      ExpressionAttributeValues: { ':o': { S: `O-${serial}` } },
    }),
  );
  const row = async (id: string): Promise<Item | undefined> => {
    const Key = itemKey({ lineId: lineIdOf(SID, `${id}-${serial}`), isEvent: 'N' });
    return (
      await clients.dynamodb.send(
        new GetItemCommand({ TableName: TABLE, Key, ConsistentRead: true }),
      )
    ).Item;
  };
  const [created, changed, known] = [await row('new'), await row('changed'), await row('known')];
  const ids = Items.map((item) => parseLineId(item[ATTRIBUTES.lineId]?.S ?? '').etransactionId);
  const others = (item: Item | undefined): number => item?.[ATTRIBUTES.otherPushes]?.L?.length ?? 0;
  const wrong: string[] = [];
  if (ids.length !== [created, changed, known].filter((item) => item !== undefined).length)
    wrong.push('a line has two rows');
  if (isDone(0) && created?.sale_amount?.N !== '5.5')
    wrong.push('a new line was acknowledged and is not in the table');
  if (isDone(1) && others(changed) !== 1)
    wrong.push('other content was acknowledged and is not in the row once');
  if (changed?.sale_amount?.N !== '10') wrong.push('a later postback changed what its row shows');
  if (known?.sale_amount?.N !== '20' || others(known) > 0) wrong.push('a known row was changed');
  return wrong;
}

async function isRecorded({ clients }: World, probe: string): Promise<boolean> {
  const key = { [STATE_KEYS.partition]: { S: PROBE_KIND }, [STATE_KEYS.sort]: { S: probe } };
  const { Item } = await clients.dynamodb.send(
    new GetItemCommand({ TableName: STATE_TABLE, Key: key, ConsistentRead: true }),
  );
  return Item !== undefined;
}

/** Acknowledged messages are in the archive, perhaps twice. Probes are not. */
function wrongArchive(
  { standIns }: World,
  serial: number,
  isDone: (index: number) => boolean,
): string[] {
  const kept = new Set(
    standIns.archived.map((text) => (JSON.parse(text) as ArchiveRecord).request_id),
  );
  const lost = [0, 1, 2].filter(
    (index) => isDone(index) && !kept.has(`message-${serial}-${index}`),
  );
  return lost.length === 0
    ? []
    : [`${lost.length} messages were acknowledged and are not in the archive`];
}
