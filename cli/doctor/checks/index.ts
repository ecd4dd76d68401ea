import type { Check } from '../finding';
import { alarms } from './alarms';
import { apiCredentials } from './api-credentials';
import { consumer, consumerErrors, failureNotes } from './consumer';
import { downstream } from './downstream';
import { endpoint } from './endpoint';
import { functions } from './functions';
import { identity } from './identity';
import { member } from './member';
import { publishers } from './publishers';
import { deadLetters, oldestMessage, queue } from './queue';
import { received } from './received';
import { reconciliationResults } from './reconciliation-results';
import { runs } from './runs';
import { schedules } from './schedules';
import { slot } from './slot';
import { stack } from './stack';
import { stateTable, transactionTable } from './tables';
import { tools } from './tools';
import { urlSecret } from './url-secret';

/** The chain from this terminal to the alarms, in the order in which the report tells it. */
export const CHECKS: readonly Check[] = [
  tools,
  identity,
  stack,
  publishers,
  apiCredentials,
  slot,
  urlSecret,
  endpoint,
  queue,
  oldestMessage,
  deadLetters,
  consumer,
  consumerErrors,
  failureNotes,
  transactionTable,
  stateTable,
  received,
  member,
  functions,
  schedules,
  runs,
  reconciliationResults,
  downstream,
  alarms,
];
