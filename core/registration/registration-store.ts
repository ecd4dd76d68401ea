import {
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { LeaseTable, type SeenLease } from '../state/lease';
import {
  PROBE_KIND,
  PUBLISHER_KIND,
  type PublisherState,
  REQUEST_KIND,
  STATE_DOCUMENT,
  STATE_KEYS,
  STATE_TTL,
} from '../state/publisher-state';
import type { RegistrationStore, RequestOutcome } from './ports';

/** A repetition of a request comes within minutes. */
const OUTCOME_KEPT_SECONDS = 24 * 60 * 60;

/** The registration's part of the state table. */
export class DynamoRegistrationStore implements RegistrationStore {
  private readonly leases: LeaseTable;

  constructor(
    protected readonly client: Pick<DynamoDBClient, 'send'>,
    protected readonly tableName: string,
  ) {
    this.leases = new LeaseTable(client, tableName, PUBLISHER_KIND);
  }

  async readState(sid: string): Promise<PublisherState | undefined> {
    return this.readDocument<PublisherState>(PUBLISHER_KIND, sid);
  }

  writeState(state: PublisherState, holder: string): Promise<boolean> {
    return this.leases.writeHeld(state.sid, holder, {
      [STATE_DOCUMENT]: { S: JSON.stringify(state) },
    });
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

  acquireLease(sid: string, holder: string, abandoned?: SeenLease): Promise<SeenLease | undefined> {
    return this.leases.acquireLease(sid, holder, abandoned);
  }

  renewLease(sid: string, holder: string): Promise<boolean> {
    return this.leases.renewLease(sid, holder);
  }

  releaseLease(sid: string, holder: string): Promise<void> {
    return this.leases.releaseLease(sid, holder);
  }

  protected async readDocument<T>(kind: string, id: string): Promise<T | undefined> {
    const document = (await this.read(kind, id))?.[STATE_DOCUMENT]?.S;
    return document === undefined ? undefined : (JSON.parse(document) as T);
  }

  private async read(kind: string, id: string) {
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.tableName, Key: key(kind, id), ConsistentRead: true }),
    );
    return Item;
  }

  protected async put(
    kind: string,
    id: string,
    attributes: NonNullable<PutItemCommandInput['Item']>,
    condition: Partial<PutItemCommandInput> = {},
  ): Promise<void> {
    await this.client.send(
      new PutItemCommand({
        TableName: this.tableName,
        Item: { ...key(kind, id), ...attributes },
        ...condition,
      }),
    );
  }
}

const key = (kind: string, id: string) => ({
  [STATE_KEYS.partition]: { S: kind },
  [STATE_KEYS.sort]: { S: id },
});
