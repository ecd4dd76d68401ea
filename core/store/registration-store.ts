import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { RegistrationStore, RequestOutcome } from '../registration/ports';
import {
  LEASE_KIND,
  PROBE_KIND,
  PUBLISHER_KIND,
  type PublisherState,
  REQUEST_KIND,
  STATE_DOCUMENT,
  STATE_KEYS,
  STATE_TTL,
} from './publisher-state';

const HOLDER = 'holder';
/** Milliseconds since 1970: the table's time to live counts whole seconds and acts hours late. */
const HELD_UNTIL = 'held_until';
/** A repetition of a request comes within minutes. */
const OUTCOME_KEPT_SECONDS = 24 * 60 * 60;
const LEASE_KEPT_SECONDS = 24 * 60 * 60;

/** The registration's part of the state table. */
export class DynamoRegistrationStore implements RegistrationStore {
  constructor(
    protected readonly client: Pick<DynamoDBClient, 'send'>,
    protected readonly tableName: string,
  ) {}

  async readState(sid: string): Promise<PublisherState | undefined> {
    return this.readDocument<PublisherState>(PUBLISHER_KIND, sid);
  }

  async writeState(state: PublisherState): Promise<void> {
    await this.put(PUBLISHER_KIND, state.sid, { [STATE_DOCUMENT]: { S: JSON.stringify(state) } });
  }

  async probeSeen(probe: string): Promise<boolean> {
    return (await this.read(PROBE_KIND, probe)) !== undefined;
  }

  async readOutcome(requestId: string): Promise<RequestOutcome | undefined> {
    return this.readDocument<RequestOutcome>(REQUEST_KIND, requestId);
  }

  async writeOutcome(requestId: string, outcome: RequestOutcome, now: number): Promise<void> {
    await this.put(REQUEST_KIND, requestId, {
      [STATE_DOCUMENT]: { S: JSON.stringify(outcome) },
      [STATE_TTL]: { N: String(Math.floor(now / 1000) + OUTCOME_KEPT_SECONDS) },
    });
  }

  async takeLease(sid: string, holder: string, now: number, until: number): Promise<boolean> {
    const attributes = {
      [HOLDER]: { S: holder },
      [HELD_UNTIL]: { N: String(until) },
      [STATE_TTL]: { N: String(Math.floor(until / 1000) + LEASE_KEPT_SECONDS) },
    };
    const free = {
      ConditionExpression: 'attribute_not_exists(#holder) OR #holder = :holder OR #until <= :now',
      ExpressionAttributeNames: { '#holder': HOLDER, '#until': HELD_UNTIL },
      ExpressionAttributeValues: { ':holder': { S: holder }, ':now': { N: String(now) } },
    };
    return conditionHeld(() => this.put(LEASE_KIND, sid, attributes, free));
  }

  async releaseLease(sid: string, holder: string): Promise<void> {
    await conditionHeld(() =>
      this.client.send(
        new DeleteItemCommand({
          TableName: this.tableName,
          Key: key(LEASE_KIND, sid),
          ConditionExpression: '#holder = :holder',
          ExpressionAttributeNames: { '#holder': HOLDER },
          ExpressionAttributeValues: { ':holder': { S: holder } },
        }),
      ),
    );
  }

  protected async readDocument<T>(kind: string, id: string): Promise<T | undefined> {
    const document = (await this.read(kind, id))?.[STATE_DOCUMENT]?.S;
    return document === undefined ? undefined : (JSON.parse(document) as T);
  }

  private async read(kind: string, id: string) {
    const { Item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: key(kind, id), ConsistentRead: true }));
    return Item;
  }

  protected async put(
    kind: string,
    id: string,
    attributes: NonNullable<PutItemCommandInput['Item']>,
    condition: Partial<PutItemCommandInput> = {},
  ): Promise<void> {
    await this.client.send(new PutItemCommand({ TableName: this.tableName, Item: { ...key(kind, id), ...attributes }, ...condition }));
  }
}

const key = (kind: string, id: string) => ({ [STATE_KEYS.partition]: { S: kind }, [STATE_KEYS.sort]: { S: id } });

/** Whether a write with a condition took place. */
export async function conditionHeld(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
