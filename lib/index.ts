export type { AccessLogOptions } from './access-logs';
export type { ArchiveOptions } from './archive';
export type { EndpointOptions } from './endpoint-options';
export type { ExistingApi } from './existing-api';
export * from './fields';
export { AlarmKind, AlarmSeverity } from './monitoring/alarm-kind';
export { RakutenPostbackMetrics } from './monitoring/metrics';
export type { ObservabilityOptions } from './monitoring/observability-options';
export type { AlarmTuning, MonitoringOptions } from './monitoring/options';
export type { PostbackDomain } from './postback-domain';
export * from './postback-relay';
export * from './publisher';
export * from './rakuten-postback';
export type { RakutenPostbackProps } from './rakuten-postback-props';
export type { ReconciliationOptions } from './reconciliation';
export { type StatusWatchOptions, TakeoverAction } from './status-watch';
export type { TableOptions } from './table-options';
export * from './transaction-filter';
export {
  type TransactionOptions,
  TransactionPipe,
  type TransactionPipeProps,
} from './transaction-pipe';
export { TransactionTarget } from './transaction-target';
