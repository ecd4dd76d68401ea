/**
 * Queries the transaction table from application code. The application installs
 * `@aws-sdk/client-dynamodb` (version 3).
 *
 * @packageDocumentation
 */
export type {
  AttributeChange,
  EventTransaction,
  EventValue,
  TransactionEvent,
} from '../core/change-events/event';
export type { TransactionReason } from '../core/change-events/event-filter';
export { InvalidQueryError } from './input';
export { TRANSACTION_KINDS } from './list';
export type * from './report-types';
export { REVIEW_STATES } from './review';
export { type Settlement, type SettlementLine, type SettlementOptions, settle } from './settlement';
export type * from './summary-types';
export { TOTALS_DATES, TOTALS_GROUPS } from './totals';
export { TransactionsClient, type TransactionsClientProps } from './transactions-client';
export type * from './types';
export { dayOf, startOfDay, startOfMonth } from './zones';
