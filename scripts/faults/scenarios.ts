import { consuming } from './consumer';
import { reconciling } from './reconciliation';
import { creating, deleting } from './registration';
import type { Scenario } from './scenario';
import { watching } from './status-watch';

export const SCENARIOS: readonly Scenario[] = [consuming, creating, deleting, reconciling, watching];
