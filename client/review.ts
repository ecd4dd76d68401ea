import { ATTRIBUTES } from '../core/names';
import { unverifiedRows } from '../core/reconciliation/unverified';
import { type Condition, ofPublisher } from './conditions';
import { requireNames, requireSpan, requireText, type Span } from './input';
import { filtered, mapped } from './pages';
import type { ReviewItem, ReviewOptions, ReviewState } from './report-types';
import type { TableReader } from './table-reader';
import { isWithin } from './times';
import type { Transaction } from './types';

export const REVIEW_STATES = ['unverified', 'withdrawn', 'differing', 'problems'] as const satisfies readonly ReviewState[];

/** Whether a line is in a state. */
const IS_IN: Record<ReviewState, (line: Transaction) => boolean> = {
  unverified: ({ verified_at, withdrawn_at }) => verified_at === undefined && withdrawn_at === undefined,
  withdrawn: ({ withdrawn_at }) => withdrawn_at !== undefined,
  differing: ({ differing_fields }) => differing_fields !== undefined,
  problems: ({ parse_problems }) => parse_problems !== undefined,
};

export interface RequiredReview {
  readonly span: Span;
  readonly states: readonly ReviewState[];
  readonly sid: string | undefined;
}

export function requireReview(options: ReviewOptions): RequiredReview {
  return {
    span: requireSpan(options),
    states: requireNames('states', options.states, REVIEW_STATES),
    sid: options.sid === undefined ? undefined : requireText('sid', options.sid),
  };
}

/** Unverified lines that arrived in the span, then others of the states that were processed in it. */
export async function* reviewLines(reader: TableReader, options: RequiredReview, now: number): AsyncGenerator<ReviewItem, void, undefined> {
  const { span, states, sid } = options;
  const wasListed = (line: Transaction): boolean =>
    states.includes('unverified') && IS_IN.unverified(line) && isWithin(line.received_at, span.range);
  if (states.includes('unverified')) yield* mapped(unverifiedLines(reader, span, sid), (line) => itemOf(line, now));
  const others = states.filter((state) => state !== 'unverified');
  if (others.length === 0) return;
  const lines = reader.linesProcessed(span, undefined, ofPublisher(sid));
  yield* mapped(
    filtered(lines, (line) => !wasListed(line) && others.some((state) => IS_IN[state](line))),
    (line) => itemOf(line, now),
  );
}

function unverifiedLines(reader: TableReader, { range }: Span, sid: string | undefined): AsyncIterable<Transaction> {
  const { client, tableName, dayShards } = reader.props;
  const window = { from: Date.parse(range.from), to: Date.parse(range.to) };
  const rows = unverifiedRows(client, { tableName, dayShards, window, receivedBefore: window.to, sid });
  return mapped(rows, (item) => reader.toTransaction(item));
}

function itemOf(line: Transaction, now: number): ReviewItem {
  const since = Date.parse(line.withdrawn_at ?? line.received_at);
  return { states: REVIEW_STATES.filter((state) => IS_IN[state](line)), ageSeconds: Math.max(0, Math.floor((now - since) / 1000)), line };
}

/** Lines that no postback delivered. */
export const NOT_DELIVERED: Condition = { attribute: ATTRIBUTES.source, test: '=', value: 'events-api' };
