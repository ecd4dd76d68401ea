import { createHash, timingSafeEqual } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { FieldList } from '../rakuten/postback/fields';
import { sha256 } from '../sha256';
import type { RecognisedPublisher } from '../transactions/pushed-line';
import { queryItems } from '../transactions/query-items';
import {
  type AcceptedUrl,
  PUBLISHER_KIND,
  type PublisherState,
  STATE_DOCUMENT,
  STATE_KEYS,
} from './publisher-state';

/** The publishers of this installation as they were at one moment. */
export class Publishers {
  private hashes: ReadonlySet<string> | undefined;

  constructor(private readonly states: readonly PublisherState[]) {}

  /**
   * Reads them all. One consistent query: what the registration wrote before it registered a URL is
   * seen by every postback that comes under it.
   */
  static async read(
    client: Pick<DynamoDBClient, 'send'>,
    stateTableName: string,
  ): Promise<Publishers> {
    return new Publishers(await readPublisherStates(client, stateTableName));
  }

  get isEmpty(): boolean {
    return this.states.length === 0;
  }

  /** Under which URLs were registered, of every publisher. */
  get fieldLists(): FieldList[] {
    return this.states.flatMap(({ accepted }) => accepted.map(({ fields }) => fields));
  }

  /**
   * Whether this is a URL secret of any publisher, also one that is no longer accepted. Not in
   * constant time: for texts that are already here.
   */
  hasSecret(text: string): boolean {
    this.hashes ??= new Set(
      this.states.flatMap(({ accepted }) => accepted.map(({ secretSha256 }) => secretSha256)),
    );
    return this.hashes.has(sha256(text));
  }

  /**
   * Whose secret this is, and under which field list the postback was registered. Every accepted
   * secret is compared, each in constant time, so that the time taken tells nothing about any of
   * them.
   */
  recognise(
    secret: string,
    fieldListId: string | undefined,
    now: Date,
  ): RecognisedPublisher | undefined {
    const digest = createHash('sha256').update(secret).digest();
    let recognised: { sid: string; urls: AcceptedUrl[] } | undefined;
    for (const { sid, accepted } of this.states) {
      const urls = accepted.filter(
        (url) =>
          isAccepted(url, now) && timingSafeEqual(Buffer.from(url.secretSha256, 'hex'), digest),
      );
      if (urls.length > 0) recognised = { sid, urls };
    }
    if (!recognised) return undefined;
    const { sid, urls } = recognised;
    // An id that is not known any more (a field list of long ago) is read by the newest list;
    // unknown names are kept as they came.
    const url = urls.find((u) => u.fieldListId === fieldListId) ?? urls[0];
    return url && { sid, fieldListId: url.fieldListId, fields: url.fields };
  }
}

const isAccepted = (url: AcceptedUrl, now: Date): boolean =>
  url.acceptedUntil === undefined || new Date(url.acceptedUntil) > now;

/** What the state table knows of each publisher, by one consistent query. */
export async function readPublisherStates(
  client: Pick<DynamoDBClient, 'send'>,
  stateTableName: string,
): Promise<PublisherState[]> {
  const states: PublisherState[] = [];
  const items = queryItems(client, {
    TableName: stateTableName,
    KeyConditionExpression: '#kind = :publisher',
    ExpressionAttributeNames: { '#kind': STATE_KEYS.partition },
    ExpressionAttributeValues: { ':publisher': { S: PUBLISHER_KIND } },
    ConsistentRead: true,
  });
  for await (const { [STATE_DOCUMENT]: document } of items) {
    // A publisher whose registration has not written yet has only a lease.
    if (document?.S !== undefined) states.push(JSON.parse(document.S) as PublisherState);
  }
  return states;
}
