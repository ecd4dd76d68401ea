import { DynamoRegistrationStore } from '../registration/registration-store';
import { conditionHeld } from '../state/lease';
import {
  type PublisherState,
  STATE_DOCUMENT,
  STATE_TTL,
  WATCH_KIND,
} from '../state/publisher-state';
import { readPublisherStates } from '../state/publishers';
import { RecordConflictError, type WatchStore } from './ports';
import type { WatchRecord } from './record';

const REVISION = 'revision';
/** A record is written with every check, so it ends only when its publisher is no more checked. */
const RECORD_KEPT_SECONDS = 30 * 24 * 60 * 60;

/** The status watch's part of the state table. */
export class DynamoWatchStore extends DynamoRegistrationStore implements WatchStore {
  readStates(): Promise<PublisherState[]> {
    return readPublisherStates(this.client, this.tableName);
  }

  readRecord(sid: string): Promise<WatchRecord | undefined> {
    return this.readDocument<WatchRecord>(WATCH_KIND, sid);
  }

  async writeRecord(record: WatchRecord, now: number): Promise<WatchRecord> {
    const next = { ...record, revision: record.revision + 1 };
    const attributes = {
      [STATE_DOCUMENT]: { S: JSON.stringify(next) },
      [REVISION]: { N: String(next.revision) },
      [STATE_TTL]: { N: String(Math.floor(now / 1000) + RECORD_KEPT_SECONDS) },
    };
    const unchanged = {
      ConditionExpression: 'attribute_not_exists(#revision) OR #revision = :revision',
      ExpressionAttributeNames: { '#revision': REVISION },
      ExpressionAttributeValues: { ':revision': { N: String(record.revision) } },
    };
    if (await conditionHeld(() => this.put(WATCH_KIND, record.sid, attributes, unchanged)))
      return next;
    // A call that the SDK repeats as its answer was lost meets its own effect. To be taken for
    // another check's, that would put the repair off to the next look.
    const there = await this.readRecord(record.sid);
    if (JSON.stringify(there) === JSON.stringify(next)) return next;
    throw new RecordConflictError(record.sid);
  }
}
