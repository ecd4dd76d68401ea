import type { AlarmDefinition } from './alarm-definition';
import { CONSUMER_ALARMS } from './alarms/consumer';
import { DOWNSTREAM_ALARMS } from './alarms/downstream';
import { ENDPOINT_ALARMS } from './alarms/endpoint';
import { RECONCILIATION_ALARMS } from './alarms/reconciliation';
import { REGISTRATION_ALARMS } from './alarms/registration';
import { FORWARDING_ALARMS } from './alarms/relay';

/** Every alarm, once, in the order in which the dashboard and the runbook list them. */
export const ALARM_CATALOGUE: readonly AlarmDefinition[] = [
  ...ENDPOINT_ALARMS,
  ...CONSUMER_ALARMS,
  ...REGISTRATION_ALARMS,
  ...RECONCILIATION_ALARMS,
  ...DOWNSTREAM_ALARMS,
  ...FORWARDING_ALARMS,
];
