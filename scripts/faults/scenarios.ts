import { archiving, consuming } from './consumer';
import { reconciling } from './reconciliation';
import { creating, deleting } from './registration';
import { relaying } from './relay';
import { rotating } from './rotation';
import type { Scenario } from './scenario';
import { watching } from './status-watch';
import { rollingBack, updating } from './update';

/** In the order of the document. The function that makes the events of the transaction pipe calls nobody. */
export const SCENARIOS: readonly Scenario[] = [
  consuming,
  archiving,
  relaying,
  creating,
  updating,
  rollingBack,
  deleting,
  rotating,
  reconciling,
  watching,
];
