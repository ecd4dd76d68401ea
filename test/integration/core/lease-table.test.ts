import { CreateTableCommand, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { NoteTable } from '../../../core/reconciliation/checkpoint';
import { DynamoRegistrationStore } from '../../../core/registration/registration-store';
import {
  PUBLISHER_KIND,
  RECONCILIATION_KIND,
  STATE_KEYS,
} from '../../../core/state/publisher-state';
import { readPublisherStates } from '../../../core/state/publishers';
import { createStateTableInput } from '../../../core/state/table';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import type { FaultyServer } from '../../../local/embedded/server-thread';

const TABLE = 'state';

let server: FaultyServer;
let client: DynamoDBClient;
let store: DynamoRegistrationStore;
let notes: NoteTable;
let serial = 3_900_112;
let sid: string;
beforeAll(async () => {
  server = await startDynamoDb();
  client = dynamoDbClient(server.endpoint);
  await client.send(new CreateTableCommand(createStateTableInput(TABLE)));
  store = new DynamoRegistrationStore(client, TABLE);
  notes = new NoteTable(client, TABLE);
});
afterAll(async () => {
  client.destroy();
  await server.close();
});
beforeEach(() => {
  serial += 1;
  sid = String(serial);
});

const state = (owner: string) => ({ sid, accepted: [], owners: [owner] });
const attributesOf = async (kind: string): Promise<string[]> => {
  const Key = { [STATE_KEYS.partition]: { S: kind }, [STATE_KEYS.sort]: { S: sid } };
  const { Item = {} } = await client.send(
    new GetItemCommand({ TableName: TABLE, Key, ConsistentRead: true }),
  );
  return Object.keys(Item).sort();
};

describe.each<[string, () => DynamoRegistrationStore | NoteTable]>([
  ['a registration', () => store],
  ['a reconciliation', () => notes],
])('the lease of %s', (_what, leases) => {
  it('has one holder, who may take it again, and is free once it is given back', async () => {
    expect(await leases().acquireLease(sid, 'first')).toBeUndefined();
    expect(await leases().acquireLease(sid, 'first')).toBeUndefined();
    expect(await leases().acquireLease(sid, 'second')).toMatchObject({ holder: 'first' });
    await leases().releaseLease(sid, 'second');
    expect(await leases().acquireLease(sid, 'second')).toMatchObject({ holder: 'first' });
    await leases().releaseLease(sid, 'first');
    expect(await leases().acquireLease(sid, 'second')).toBeUndefined();
  });

  it('shows another value after each renewal, and is lost to nobody who saw an older one', async () => {
    await leases().acquireLease(sid, 'first');
    const seen = await leases().acquireLease(sid, 'second');
    expect(await leases().renewLease(sid, 'first')).toBe(true);
    const renewed = await leases().acquireLease(sid, 'second', seen);
    expect(renewed).toMatchObject({ holder: 'first' });
    expect(renewed).not.toEqual(seen);
    expect(await leases().acquireLease(sid, 'second', renewed)).toBeUndefined();
    expect(await leases().renewLease(sid, 'first')).toBe(false);
  });

  it('is taken over by one of two who saw the same holder die', async () => {
    await leases().acquireLease(sid, 'dead');
    const seen = await leases().acquireLease(sid, 'second');
    const taken = await Promise.all(
      ['second', 'third'].map((holder) => leases().acquireLease(sid, holder, seen)),
    );
    expect(taken.filter((other) => other === undefined)).toHaveLength(1);
  });

  it('cannot be renewed once it is given back: what the run knew may be old', async () => {
    await leases().acquireLease(sid, 'first');
    await leases().releaseLease(sid, 'first');
    expect(await leases().renewLease(sid, 'first')).toBe(false);
  });
});

it('the state is written by the holder alone, and a write renews the lease', async () => {
  await store.acquireLease(sid, 'first');
  const seen = await store.acquireLease(sid, 'second');
  expect(await store.writeState(state('first'), 'first')).toBe(true);
  const renewed = await store.acquireLease(sid, 'second', seen);
  expect(await store.acquireLease(sid, 'second', renewed)).toBeUndefined();
  expect(await store.writeState(state('late'), 'first')).toBe(false);
  expect(await store.readState(sid)).toEqual(state('first'));
  expect(await store.writeState(state('second'), 'second')).toBe(true);
  expect(await store.readState(sid)).toEqual(state('second'));
});

it('a publisher of whom there is only a lease is not known to anybody', async () => {
  await store.acquireLease(sid, 'first');
  expect(await store.readState(sid)).toBeUndefined();
  expect((await readPublisherStates(client, TABLE)).map((known) => known.sid)).not.toContain(sid);
});

it('the note of a reconciliation is written by the holder alone, and keeps what it does not say', async () => {
  await notes.acquireLease(sid, 'first');
  expect(await notes.write(sid, { coveredUntil: 1000, succeededAt: 2000 }, 'first')).toBe(true);
  expect(await notes.write(sid, { succeededAt: 9000 }, 'another')).toBe(false);
  expect(await notes.write(sid, { succeededAt: 3000 }, 'first')).toBe(true);
  expect(await notes.read(sid)).toEqual({ coveredUntil: 1000, succeededAt: 3000 });
  await notes.releaseLease(sid, 'first');
  expect(await attributesOf(RECONCILIATION_KIND)).toEqual([
    'covered_until',
    'id',
    'kind',
    'succeeded_at',
  ]);
  expect(await attributesOf(PUBLISHER_KIND)).toEqual([]);
});
