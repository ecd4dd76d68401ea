import { ATTRIBUTES } from '../core/names';
import { arrivalDays } from '../core/reconciliation/day-index';
import { type Condition, type Filter, ofPublisher } from './conditions';
import { requireNames, requireSpan, requireText, type Span } from './input';
import type { ReviewItem, ReviewOptions, ReviewState } from './report-types';
import type { DatedLine, TableReader } from './table-reader';
import { isWithin } from './times';
import type { Transaction } from './types';

export const REVIEW_STATES = [
  'unverified',
  'withdrawn',
  'differing',
  'problems',
] as const satisfies readonly ReviewState[];

/** Whether a line is in a state. */
const IS_IN: Record<ReviewState, (line: Transaction) => boolean> = {
  unverified: ({ verified_at, withdrawn_at }) =>
    verified_at === undefined && withdrawn_at === undefined,
  withdrawn: ({ withdrawn_at }) => withdrawn_at !== undefined,
  differing: ({ differing_fields }) => differing_fields !== undefined,
  problems: ({ parse_problems }) => parse_problems !== undefined,
};

/** A condition that every line of a state meets. */
const REQUIRED: Record<ReviewState, Condition> = {
  unverified: { attribute: ATTRIBUTES.verifiedAt, test: 'missing' },
  withdrawn: { attribute: ATTRIBUTES.withdrawnAt, test: 'exists' },
  differing: { attribute: ATTRIBUTES.differingFields, test: 'exists' },
  problems: { attribute: ATTRIBUTES.parseProblems, test: 'exists' },
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

/**
 * Unverified lines that arrived in the span, and lines of the other states that were processed in
 * it.
 */
export async function* reviewLines(
  reader: TableReader,
  options: RequiredReview,
  now: number,
): AsyncGenerator<ReviewItem, void, undefined> {
  const { span, states, sid } = options;
  if (states.length === 0) return;
  const conditions: Filter[] = [
    { anyOf: states.map((state) => REQUIRED[state]) },
    ...ofPublisher(sid),
  ];
  const arrival = { from: Date.parse(span.range.from), to: Date.parse(span.range.to) };
  const days = states.includes('unverified') ? arrivalDays(arrival) : span.days;
  const processed = new Set(states.some((state) => state !== 'unverified') ? span.days : []);
  const lines = reader.linesOfDays(days, conditions, (day) =>
    processed.has(day) ? {} : span.range,
  );
  for await (const dated of lines)
    if (states.some((state) => isSelected(dated, state, span))) yield itemOf(dated.line, now);
}

/** No date in a postback can hide an unverified line: its arrival decides. */
const isSelected = (
  { line, processedAt }: DatedLine,
  state: ReviewState,
  { range }: Span,
): boolean =>
  IS_IN[state](line) && isWithin(state === 'unverified' ? line.received_at : processedAt, range);

function itemOf(line: Transaction, now: number): ReviewItem {
  const since = Date.parse(line.withdrawn_at ?? line.received_at);
  return {
    states: REVIEW_STATES.filter((state) => IS_IN[state](line)),
    ageSeconds: Math.max(0, Math.floor((now - since) / 1000)),
    line,
  };
}

/** Lines that no postback delivered. */
export const NOT_DELIVERED: Condition = {
  attribute: ATTRIBUTES.source,
  test: '=',
  value: 'events-api',
};
