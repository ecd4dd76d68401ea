import type { SQSEvent } from 'aws-lambda';
import { URL_PARAMETERS } from '../../../core/names';
import { ALL_FIELDS, fieldListId } from '../../../core/rakuten/postback/fields';
import { sha256 } from '../../../core/sha256';
import {
  PUBLISHER_KIND,
  type PublisherState,
  STATE_DOCUMENT,
} from '../../../core/state/publisher-state';
import { TYPICAL_LINE } from '../../cost/typical-line';

const SECRET = 'a-secret-of-the-bench-as-long-as-they-are-43';

const STATE: PublisherState = {
  sid: TYPICAL_LINE.sid,
  accepted: [
    { secretSha256: sha256(SECRET), fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS },
  ],
};
/** The item of the state table that lets the consumer accept these messages. */
export const STATE_ITEM = {
  kind: { S: PUBLISHER_KIND },
  id: { S: STATE.sid },
  [STATE_DOCUMENT]: { S: JSON.stringify(STATE) },
};

let lines = 0;

/** An event with typical messages, each of a line that was not there before. */
export function eventOf(messages: number): SQSEvent {
  const Records = Array.from({ length: messages }, () => {
    lines += 1;
    const number = String(lines).padStart(9, '0');
    const query = new URLSearchParams({
      [URL_PARAMETERS.secret]: SECRET,
      [URL_PARAMETERS.fieldList]: fieldListId(ALL_FIELDS),
      ...TYPICAL_LINE,
      etransaction_id: `${process.pid.toString(16)}AAE862139D47BEBC${number}`,
      order_id: `C-20260418-${number}`,
    });
    const body = new URLSearchParams({
      at: '1776504673250',
      id: 'JKJaXmPLvHcESHA=',
      ip: '192.0.2.1',
      q: String(query),
    });
    return {
      messageId: `m-${number}`,
      body: String(body),
      attributes: { ApproximateReceiveCount: '1' },
    };
  });
  return { Records } as unknown as SQSEvent;
}
