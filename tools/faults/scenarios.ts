import { archiving, consuming } from './consumer';
import { reconciling, withdrawing } from './reconciliation';
import { creating, deleting } from './registration';
import { relaying } from './relay';
import { rotating } from './rotation';
import type { Scenario } from './scenario';
import { watching } from './status-watch';
import { rollingBack, updating } from './update';

/** In the order of the document. The function behind `onTransaction` makes no call. */
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
  withdrawing,
  watching,
];
