import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { STATE_KEYS } from './publisher-state';

/**
 * A lease: the right of one run at a time to work on something.
 *
 * No clock is ever compared with another one. A holder renews its lease while it works. A run that
 * waits takes the lease over when it has seen no renewal for a while of its own waiting. Each write
 * names its holder, and a holder that lost the lease can write no more.
 */

/** A lease as its store shows it. */
export interface SeenLease {
  readonly holder: string;
  /** Another value after each renewal. */
  readonly renewal: string;
}

/** Keeps leases. Reads are consistent. */
export interface LeaseStore {
  /**
   * Takes a lease that is free, or one that nobody has renewed since it was seen as `abandoned`.
   *
   * Returns the lease of another holder where there is one; undefined when the lease is taken.
   */
  acquireLease(id: string, holder: string, abandoned?: SeenLease): Promise<SeenLease | undefined>;
  /** Shows that the holder still works. False when it has lost the lease. */
  renewLease(id: string, holder: string): Promise<boolean>;
  /** Gives the lease back, if it is still held. */
  releaseLease(id: string, holder: string): Promise<void>;
}

export interface LeaseWait {
  /** Milliseconds between two tries. */
  readonly pollMillis: number;
  /** Milliseconds without a renewal after which the holder counts as dead. */
  readonly abandonedAfterMillis: number;
  /** Whether there is time for another try. */
  readonly mayWait: () => boolean;
  /** A timer, whose speed does not depend on the time of day. */
  readonly sleep: (millis: number) => Promise<void>;
}

/** Waits for a lease. False when there was no more time. */
export async function waitForLease(
  store: Pick<LeaseStore, 'acquireLease'>,
  id: string,
  holder: string,
  wait: LeaseWait,
): Promise<boolean> {
  let seen: SeenLease | undefined;
  let unchangedMillis = 0;
  for (;;) {
    const abandoned = unchangedMillis >= wait.abandonedAfterMillis ? seen : undefined;
    const current = await store.acquireLease(id, holder, abandoned);
    if (current === undefined) return true;
    if (seen === undefined || !isSame(seen, current)) unchangedMillis = 0;
    seen = current;
    if (!wait.mayWait()) return false;
    await wait.sleep(wait.pollMillis);
    unchangedMillis += wait.pollMillis;
  }
}

const isSame = (a: SeenLease, b: SeenLease): boolean =>
  a.holder === b.holder && a.renewal === b.renewal;

/** Attributes of an item under a lease. */
export const LEASE_HOLDER = 'lease_holder';
const RENEWAL = 'lease_renewal';

/**
 * Leases on items of one kind in the state table.
 *
 * The lease is part of the item that it protects, so one condition fences each write.
 */
export class LeaseTable implements LeaseStore {
  constructor(
    protected readonly client: Pick<DynamoDBClient, 'send'>,
    protected readonly tableName: string,
    private readonly kind: string,
  ) {}

  async acquireLease(
    id: string,
    holder: string,
    abandoned?: SeenLease,
  ): Promise<SeenLease | undefined> {
    for (;;) {
      if (await this.take(id, holder, abandoned)) return undefined;
      const seen = await this.readLease(id);
      // Else it was released in between.
      if (seen !== undefined) return seen;
    }
  }

  renewLease(id: string, holder: string): Promise<boolean> {
    return this.writeHeld(id, holder, {});
  }

  async releaseLease(id: string, holder: string): Promise<void> {
    await this.update(id, {
      UpdateExpression: 'REMOVE #holder, #renewal',
      ConditionExpression: '#holder = :me',
      ExpressionAttributeNames: { '#holder': LEASE_HOLDER, '#renewal': RENEWAL },
      ExpressionAttributeValues: { ':me': { S: holder } },
    });
  }

  /**
   * Sets attributes of the item and renews the lease. False, with nothing written, when the holder
   * has lost it.
   */
  writeHeld(
    id: string,
    holder: string,
    attributes: Readonly<Record<string, AttributeValue>>,
  ): Promise<boolean> {
    const entries = Object.entries(attributes).map(([name, value], index) => ({
      name,
      value,
      alias: String(index),
    }));
    const assignments = [
      '#renewal = :renewal',
      ...entries.map(({ alias }) => ['#a', alias, ' = :a', alias].join('')),
    ];
    return this.update(id, {
      UpdateExpression: ['SET', assignments.join(', ')].join(' '),
      ConditionExpression: '#holder = :me',
      ExpressionAttributeNames: {
        ...Object.fromEntries(entries.map(({ alias, name }) => [['#a', alias].join(''), name])),
        '#holder': LEASE_HOLDER,
        '#renewal': RENEWAL,
      },
      ExpressionAttributeValues: {
        ...Object.fromEntries(entries.map(({ alias, value }) => [[':a', alias].join(''), value])),
        ':me': { S: holder },
        ':renewal': { S: randomUUID() },
      },
    });
  }

  private take(id: string, holder: string, abandoned: SeenLease | undefined): Promise<boolean> {
    // An update that the SDK repeats, as its answer was lost, finds its own holder.
    const free = 'attribute_not_exists(#holder) OR #holder = :me';
    return this.update(id, {
      UpdateExpression: 'SET #holder = :me, #renewal = :renewal',
      ConditionExpression:
        abandoned === undefined
          ? free
          : [free, '(#holder = :other AND #renewal = :seen)'].join(' OR '),
      ExpressionAttributeNames: { '#holder': LEASE_HOLDER, '#renewal': RENEWAL },
      ExpressionAttributeValues: {
        ':me': { S: holder },
        ':renewal': { S: randomUUID() },
        ...(abandoned === undefined
          ? {}
          : { ':other': { S: abandoned.holder }, ':seen': { S: abandoned.renewal } }),
      },
    });
  }

  private async readLease(id: string): Promise<SeenLease | undefined> {
    const { Item = {} } = await this.client.send(
      new GetItemCommand({ TableName: this.tableName, Key: this.key(id), ConsistentRead: true }),
    );
    const holder = Item[LEASE_HOLDER]?.S;
    return holder === undefined ? undefined : { holder, renewal: Item[RENEWAL]?.S ?? '' };
  }

  private update(
    id: string,
    input: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
  ): Promise<boolean> {
    return conditionHeld(() =>
      this.client.send(
        new UpdateItemCommand({ TableName: this.tableName, Key: this.key(id), ...input }),
      ),
    );
  }

  protected key(id: string): Record<string, AttributeValue> {
    return { [STATE_KEYS.partition]: { S: this.kind }, [STATE_KEYS.sort]: { S: id } };
  }
}

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
