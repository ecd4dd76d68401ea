import { ATTRIBUTES } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import { readAnswer } from '../../core/reconciliation/answer';
import { toItem } from '../../core/transactions/item';
import { type KeyedPush, readPushedLine } from '../../core/transactions/pushed-line';
import {
  type Answer,
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type RowState,
} from '../../core/transactions/row-state';
import type { Item } from './item-size';
import { TYPICAL_LINE } from './typical-line';

type Line = Readonly<Record<string, string>>;

const SID = TYPICAL_LINE.sid;

/** The postback of a line, as the consumer reads it. */
export function pushOf(
  line: Line = TYPICAL_LINE,
  receivedAt = '2026-04-18T09:31:13.120Z',
  requestId = 'JKJaXmPLvHcESHA=',
): KeyedPush {
  const message = {
    receivedAt,
    requestId,
    sourceIp: '192.0.2.1',
    parameters: Object.entries(line),
  };
  const keyed = readPushedLine(message, { sid: SID, fieldListId: '', fields: ALL_FIELDS });
  if (keyed === undefined) throw new Error('the line has no value');
  return keyed;
}

/** The line as the Events API returns it to an hourly run. */
export function answerOf(
  line: Line = TYPICAL_LINE,
  fetchedAt = '2026-04-18T10:12:07.480Z',
): Answer {
  const keyed = readAnswer(line, {
    sid: SID,
    fetchedAt,
    runId: 'hourly-0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90',
  });
  if (keyed === undefined) throw new Error('the line is of another publisher');
  return keyed.answer;
}

export interface LineRows {
  /** The row after its postback. */
  readonly pushed: Item;
  /** The same row after the Events API returned the line. */
  readonly verified: Item;
}

/** The rows of a line, as the store writes them. */
export function rowsOf(line: Line = TYPICAL_LINE): LineRows {
  const { key, push } = pushOf(line);
  const row = joinPushes(EMPTY_ROW, [push]);
  const item = (state: RowState, updatedAt: string): Item => ({
    ...toItem(key, state, { dayShards: 1 }),
    [ATTRIBUTES.updatedAt]: { S: updatedAt },
  });
  return {
    pushed: item(row, '2026-04-18T09:31:14.005Z'),
    verified: item(applyAnswer(row, answerOf(line)), '2026-04-18T10:12:08.112Z'),
  };
}
