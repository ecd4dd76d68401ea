import { coldStart } from './cold-start/section';
import { consumer } from './consumer/section';
import { deployment } from './deployment';
import { mappingTemplate } from './mapping-template';
import { money } from './money';
import { reconciliationUnits } from './reconciliation-units';
import type { Section } from './report/section';
import { scale } from './scale/section';
import { synthesis } from './synthesis/section';
import { writeUnits } from './write-units';

/** In the order of docs/performance.md. */
export const SECTIONS: readonly Section[] = [
  coldStart,
  consumer,
  writeUnits,
  reconciliationUnits,
  mappingTemplate,
  money,
  synthesis,
  deployment,
  scale,
];
