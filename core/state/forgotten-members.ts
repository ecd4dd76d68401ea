import { createHmac, randomBytes } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { queryItems } from '../transactions/query-items';
import {
  type ForgottenSource,
  type MembersToForget,
  type MemberTest,
  normalForm,
} from '../transactions/without-member';
import { FORGOTTEN_KIND, STATE_KEYS } from './publisher-state';

type Client = Pick<DynamoDBClient, 'send'>;

/** The item with the salt. The sort keys of the others are hashes in hexadecimal digits. */
const SALT_ID = 'salt';
const SALT = 'salt';
const FORGOTTEN_AT = 'forgotten_at';
const SALT_BYTES = 32;

/** How long a function uses the list of forgotten members before it reads it again. */
const FRESH_MILLIS = 60_000;
/**
 * Longest time between a writer's look at the list and the end of its write: 60 seconds, and the
 * last call.
 */
const LONGEST_WRITE_MILLIS = 90_000;
/** After this time no function writes a member that was forgotten. */
export const FORGOTTEN_EVERYWHERE_MILLIS = FRESH_MILLIS + LONGEST_WRITE_MILLIS;

/**
 * The members to forget, as salted hashes. The state table has no ID in clear text.
 *
 * A person who can read the table can still test whether an ID that is already known was forgotten.
 */
export class ForgottenMembers implements MembersToForget {
  constructor(
    private readonly salt: string | undefined,
    private readonly hashes: ReadonlySet<string>,
  ) {}

  /** One consistent query. */
  static async read(client: Client, stateTableName: string): Promise<ForgottenMembers> {
    const hashes = new Set<string>();
    let salt: string | undefined;
    const items = queryItems(client, {
      TableName: stateTableName,
      KeyConditionExpression: '#kind = :forgotten',
      ExpressionAttributeNames: { '#kind': STATE_KEYS.partition },
      ExpressionAttributeValues: { ':forgotten': { S: FORGOTTEN_KIND } },
      ConsistentRead: true,
    });
    for await (const item of items) {
      const id = item[STATE_KEYS.sort]?.S ?? '';
      if (id === SALT_ID) salt = item[SALT]?.S;
      else hashes.add(id);
    }
    return new ForgottenMembers(salt, hashes);
  }

  /** The test for lines of a publisher; undefined where nobody was forgotten. */
  testFor(sid: string | undefined): MemberTest | undefined {
    const { salt, hashes } = this;
    if (salt === undefined || hashes.size === 0) return undefined;
    const isMember = (value: string): boolean =>
      hashes.has(hashOf(salt, value)) ||
      (sid !== undefined && hashes.has(hashOf(salt, value, sid)));
    return { isMember };
  }
}

export const NOBODY_FORGOTTEN = new ForgottenMembers(undefined, new Set());

/** Reads the list when it is asked for, at most once a minute. */
export class CachedForgottenMembers implements ForgottenSource {
  private known = NOBODY_FORGOTTEN;
  private readAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<ForgottenMembers> | undefined;

  constructor(
    private readonly client: Client,
    private readonly stateTableName: string,
    private readonly now: () => number,
  ) {}

  current(): Promise<ForgottenMembers> {
    if (this.now() - this.readAt < FRESH_MILLIS) return Promise.resolve(this.known);
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async read(): Promise<ForgottenMembers> {
    // The answer is as old as its request.
    const askedAt = this.now();
    this.known = await ForgottenMembers.read(this.client, this.stateTableName);
    this.readAt = askedAt;
    return this.known;
  }
}

/**
 * Notes that a member is to be forgotten. Returns since when that is noted, in milliseconds since
 * 1970.
 *
 * @param sid only of this publisher; undefined: of every publisher of the installation
 */
export async function noteForgotten(
  client: Client,
  stateTableName: string,
  member: string,
  sid: string | undefined,
  now: number,
): Promise<number> {
  const salt = await readOrCreateSalt(client, stateTableName);
  const at = new Date(now).toISOString();
  const item = await putOnce(
    client,
    stateTableName,
    hashOf(salt, normalForm(member), sid),
    FORGOTTEN_AT,
    at,
  );
  return Date.parse(item);
}

const readOrCreateSalt = (client: Client, stateTableName: string): Promise<string> =>
  putOnce(client, stateTableName, SALT_ID, SALT, randomBytes(SALT_BYTES).toString('base64'));

/** Writes an item unless it is there. Returns the value that it has. */
async function putOnce(
  client: Client,
  TableName: string,
  id: string,
  attribute: string,
  value: string,
): Promise<string> {
  const Key = { [STATE_KEYS.partition]: { S: FORGOTTEN_KIND }, [STATE_KEYS.sort]: { S: id } };
  try {
    await client.send(
      new PutItemCommand({
        TableName,
        Item: { ...Key, [attribute]: { S: value } },
        ConditionExpression: 'attribute_not_exists(#key)',
        ExpressionAttributeNames: { '#key': STATE_KEYS.partition },
      }),
    );
    return value;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const { Item } = await client.send(
      new GetItemCommand({ TableName, Key, ConsistentRead: true }),
    );
    return Item?.[attribute]?.S ?? value;
  }
}

const hashOf = (salt: string, member: string, sid?: string): string =>
  createHmac('sha256', salt)
    .update(JSON.stringify(sid === undefined ? [member] : [member, sid]))
    .digest('hex');
