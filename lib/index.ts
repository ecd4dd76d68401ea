export * from './fields';
export * from './publisher';
export * from './rakuten-postback';
export type { ReconciliationOptions } from './reconciliation';
export { type StatusWatchOptions, TakeoverAction } from './status-watch';
