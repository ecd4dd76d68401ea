import {
  CreateTableCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { DeleteMessageBatchCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { messageWithoutMember } from '../../../core/dead-letters/message-without-member';
import { DeadLetterQueue, type ReceivedMessage } from '../../../core/dead-letters/queue';
import { rewrite } from '../../../core/dead-letters/redrive';
import { SOURCES } from '../../../core/names';
import { sha256 } from '../../../core/sha256';
import {
  CachedForgottenMembers,
  ForgottenMembers,
  noteForgotten,
} from '../../../core/state/forgotten-members';
import { Publishers } from '../../../core/state/publishers';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import { toItem } from '../../../core/transactions/item';
import type { RowKey } from '../../../core/transactions/keys';
import {
  type Answer,
  EMPTY_ROW,
  joinPushes,
  type PushedLine,
} from '../../../core/transactions/row-state';
import { itemKey, RowStore } from '../../../core/transactions/row-store';
import { knownMember } from '../../../core/transactions/without-member';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startTestDynamoDb, type TestDynamoDb } from '../../support/dynamodb';
import { messageBody } from '../../support/messages';

const [TABLE, STATE] = ['forget-rows', 'forget-state'];
const MEMBER = 'ana+müller@example.com';
const ana = knownMember(MEMBER);

let server: TestDynamoDb;
let client: DynamoDBClient;
beforeAll(async () => {
  server = await startTestDynamoDb();
  client = dynamoDbClient(server.endpoint);
  await client.send(new CreateTableCommand(createTableInput(TABLE)));
  await client.send(new CreateTableCommand(createStateTableInput(STATE)));
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

const clock = { now: Date.now, pause: () => new Promise((resolve) => setImmediate(resolve)) };
const deadline = (): number => Date.now() + 30_000;
const at = (second: number): string =>
  new Date(Date.UTC(2026, 2, 13) + second * 1000).toISOString();

let serial = 0;
function newKey(sid = '3900112'): RowKey {
  serial += 1;
  return { lineId: `${sid}#F${serial}`, isEvent: 'N' };
}
const push = (second: number, fields: PushedLine['fields']): PushedLine => ({
  fields,
  problems: [],
  extra: {},
  query: new URLSearchParams(fields as Record<string, string>).toString(),
  receivedAt: at(second),
  requestId: `request-${second}`,
  source: SOURCES.push,
});
const answer = (second: number, fields: Answer['fields']): Answer => ({
  fields: { etransaction_id: 'A', ...fields },
  problems: [],
  extra: {},
  query: '',
  fetchedAt: at(second),
  runId: 'run',
});

describe('removing a member from a stored row', () => {
  const store = (
    options: { readonly rowExpirySeconds?: number; readonly dayShards?: number } = {},
  ) => new RowStore({ client, tableName: TABLE, dayShards: 1, clock, ...options });

  it('loses no write of others that comes in between', async () => {
    const key = newKey();
    const writer = store();
    await writer.writePushes(key, [push(1, { sale_amount: '10', u1: MEMBER })], deadline());
    const known = (await writer.read(key)) ?? {};
    await writer.applyAnswer(key, answer(2, { sale_amount: '20', u1: MEMBER }), deadline());
    expect(await writer.forgetMember(ana, [], deadline(), known)).toMatchObject({
      members: 2,
      queries: 1,
    });
    const row = await writer.read(key);
    expect(row).toMatchObject({
      sale_amount: { N: '20' },
      verified_at: { S: at(2) },
      member_forgotten: { BOOL: true },
    });
    expect(JSON.stringify(row)).not.toMatch(/ana[+% ]/);
  });

  it('keeps the expiry and the shard that the writer of the row chose, and a redelivery writes nothing', async () => {
    const key = newKey();
    const writer = store({ rowExpirySeconds: 86_400, dayShards: 7 });
    await writer.applyAnswer(
      key,
      answer(1, { process_date: '2026-03-12T10:00:00Z', u1: MEMBER }),
      deadline(),
    );
    const known = (await writer.read(key)) ?? {};
    await store().forgetMember(ana, [], deadline(), known);
    const row = (await writer.read(key)) ?? {};
    expect([row.expires_at, row.process_day]).toEqual([known.expires_at, known.process_day]);
    expect(row.u1).toBeUndefined();
    await writer.forgetMember(ana, [], deadline(), known);
    expect(await writer.read(key)).toEqual(row);
    const redelivered: Answer = {
      ...answer(1, { process_date: '2026-03-12T10:00:00Z' }),
      memberForgotten: true,
    };
    expect(await writer.applyAnswer(key, redelivered, deadline())).toBe(false);
  });

  it('does not bring back a row that was deleted meanwhile', async () => {
    const key = newKey();
    await store().writePushes(key, [push(1, { u1: MEMBER })], deadline());
    const known = (await store().read(key)) ?? {};
    await client.send(new DeleteItemCommand({ TableName: TABLE, Key: itemKey(key) }));
    expect(await store().forgetMember(ana, [], deadline(), known)).toBeUndefined();
    expect(await store().read(key)).toBeUndefined();
  });
});

describe('the list of forgotten members', () => {
  it('has no ID in clear text, and holds for one publisher or for all', async () => {
    await noteForgotten(
      client,
      STATE,
      ` ${MEMBER} `.normalize('NFD'),
      undefined,
      Date.parse(at(0)),
    );
    await noteForgotten(client, STATE, '12', '3900112', Date.parse(at(0)));
    expect(JSON.stringify(await client.send(new ScanCommand({ TableName: STATE })))).not.toMatch(
      /ana\+|müller|"12"/,
    );
    const forgotten = await ForgottenMembers.read(client, STATE);
    const isForgotten = (member: string, sid: string) => forgotten.testFor(sid)?.isMember(member);
    expect(isForgotten(MEMBER, '3900112')).toBe(true);
    expect(isForgotten(MEMBER, '3900113')).toBe(true);
    expect(isForgotten('12', '3900112')).toBe(true);
    expect(isForgotten('12', '3900113')).toBe(false);
    expect(isForgotten('bob', '3900112')).toBe(false);
  });

  it('keeps the time at which a member was noted first', async () => {
    expect(await noteForgotten(client, STATE, 'twice', undefined, Date.parse(at(1)))).toBe(
      Date.parse(at(1)),
    );
    expect(await noteForgotten(client, STATE, 'twice', undefined, Date.parse(at(9)))).toBe(
      Date.parse(at(1)),
    );
  });

  it('is read once a minute, and again after a failure', async () => {
    let [now, reads, fails] = [0, 0, true];
    const counting = {
      send: (command: Parameters<DynamoDBClient['send']>[0]) => {
        reads += 1;
        return fails ? Promise.reject(new Error('throttled')) : client.send(command);
      },
    } as unknown as DynamoDBClient;
    const source = new CachedForgottenMembers(counting, STATE, () => now);
    await expect(source.current()).rejects.toThrow('throttled');
    fails = false;
    await Promise.all([source.current(), source.current()]);
    now = 59_999;
    await source.current();
    expect(reads).toBe(2);
    now = 60_000;
    await source.current();
    expect(reads).toBe(3);
  });

  it('makes a store leave the member out of postbacks and answers of that publisher only', async () => {
    const forgotten = new CachedForgottenMembers(client, STATE, Date.now);
    const store = new RowStore({ client, tableName: TABLE, dayShards: 1, clock, forgotten });
    const members: (string | undefined)[] = [];
    for (const sid of ['3900112', '3900113']) {
      const [pushed, answered] = [newKey(sid), newKey(sid)];
      await store.writePushes(pushed, [push(1, { u1: '12', quantity: '12' })], deadline());
      await store.applyAnswer(answered, answer(1, { u1: '12', quantity: '12' }), deadline());
      for (const key of [pushed, answered]) {
        const row = await store.read(key);
        expect(row?.quantity).toEqual({ N: '12' });
        members.push(row?.u1?.S);
      }
    }
    expect(members).toEqual([undefined, undefined, '12', '12']);
  });
});

describe('a dead letter', () => {
  const SECRET = 'secret-of-the-url-0123456789';
  const fields = [
    { name: 'who', field: 'u1' },
    { name: 'pieces', field: 'quantity' },
    { name: 'line', field: 'etransaction_id' },
  ] as const;
  const publishers = new Publishers([
    { sid: '3900112', accepted: [{ secretSha256: sha256(SECRET), fieldListId: 'f', fields }] },
  ]);

  it('loses the member under the name that the URL gives it, and no other field with the same value', () => {
    const body = messageBody(`k=${SECRET}&f=f&who=12&pieces=12&line=A1`);
    const rest = messageWithoutMember(body, knownMember('12'), publishers) ?? '';
    const expected = new URLSearchParams(messageBody(`k=${SECRET}&f=f&pieces=12&line=A1`));
    const given = new URLSearchParams(rest);
    expect([...new URLSearchParams(given.get('q') ?? '')]).toEqual([
      ...new URLSearchParams(expected.get('q') ?? ''),
    ]);
    for (const name of ['at', 'id', 'ip']) expect(given.get(name)).toBe(expected.get(name));
  });

  it('stays as it is without the member, and where it is another publisher’s', () => {
    const body = messageBody(`k=${SECRET}&f=f&who=12&line=A1`);
    expect(messageWithoutMember(body, knownMember('1'), publishers)).toBeUndefined();
    expect(messageWithoutMember(body, knownMember('12', '3900113'), publishers)).toBeUndefined();
    expect(messageWithoutMember(body, knownMember('12', '3900112'), publishers)).toBeDefined();
  });

  it('of another member keeps a parameter with the same value, and a static value of the URL', () => {
    for (const query of ['who=bob&pieces=1&line=A1&site=12', 'line=A1&site=12']) {
      expect(
        messageWithoutMember(
          messageBody(`k=${SECRET}&f=f&${query}`),
          knownMember('12'),
          publishers,
        ),
      ).toBeUndefined();
    }
  });

  it('whose secret is not accepted loses the member under the name that any URL gives it', () => {
    const rest =
      messageWithoutMember(messageBody('k=unknown&who=12&site=7'), knownMember('12'), publishers) ??
      '';
    expect(new URLSearchParams(rest).get('q')).toBe('k=unknown&site=7');
    expect(
      messageWithoutMember(messageBody('k=unknown&site=12'), knownMember('12'), publishers),
    ).toBeUndefined();
  });

  it('that no endpoint wrote loses the ID in every usual encoding, and no part of a longer word', () => {
    const text = `not a message: ${MEMBER} ${encodeURIComponent(MEMBER)} ${encodeURIComponent(encodeURIComponent(MEMBER))} x${MEMBER}x`;
    expect(messageWithoutMember(text, ana, publishers)).toBe(
      `not a message: *** *** *** x${MEMBER}x`,
    );
  });

  it('is deleted only after SQS accepted the copy', async () => {
    const calls: string[] = [];
    const sqs = (refused: boolean) =>
      ({
        send: async (command: unknown) => {
          if (command instanceof SendMessageBatchCommand) {
            calls.push(
              `send ${command.input.QueueUrl} ${command.input.Entries?.map(({ MessageBody }) => MessageBody)}`,
            );
            const results = command.input.Entries?.map(({ Id }) => ({
              Id,
              MessageId: 'copy',
              Code: 'InternalError',
            }));
            return refused ? { Failed: results } : { Successful: results };
          }
          if (command instanceof DeleteMessageBatchCommand)
            calls.push(
              `delete ${command.input.Entries?.map(({ ReceiptHandle }) => ReceiptHandle)}`,
            );
          return {};
        },
      }) as unknown as ConstructorParameters<typeof DeadLetterQueue>[0];
    const message: ReceivedMessage = {
      id: 'original',
      body: 'copy',
      receiptHandle: 'handle',
      sentAt: 0,
      receives: 1,
      attributes: {},
    };
    const run = (client: ReturnType<typeof sqs>) =>
      rewrite({ client, deadLetters: new DeadLetterQueue(client, 'dead-letters'), now: () => 0 }, [
        message,
      ]);
    expect(await run(sqs(false))).toMatchObject({
      redriven: [{ newId: 'copy', stillThere: false }],
      notSent: [],
    });
    expect(await run(sqs(true))).toMatchObject({
      redriven: [],
      notSent: [{ problem: 'InternalError' }],
    });
    expect(calls).toEqual(['send dead-letters copy', 'delete handle', 'send dead-letters copy']);
  });
});

it('an item whose writer is unknown has the revision that its writer would have given it', async () => {
  const key = newKey();
  const options = { dayShards: 3, preliminaryExpirySeconds: 1000, rowExpirySeconds: 5000 };
  const writer = new RowStore({ client, tableName: TABLE, clock, ...options });
  await writer.writePushes(key, [push(1, { u1: MEMBER, sale_amount: '5' })], deadline());
  await writer.forgetMember(ana, [], deadline(), (await writer.read(key)) ?? {});
  const clean = push(1, { sale_amount: '5' });
  expect((await writer.read(key))?.revision).toEqual(
    toItem(key, joinPushes(EMPTY_ROW, [clean]), options).revision,
  );
});
