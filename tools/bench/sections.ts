import { coldStart } from './cold-start/section';
import { consumer } from './consumer/section';
import { deployment } from './deployment';
import { mappingTemplate } from './mapping-template';
import type { Section } from './report/section';
import { synthesis } from './synthesis/section';

/** In the order of docs/performance.md. */
export const SECTIONS: readonly Section[] = [
  coldStart,
  consumer,
  mappingTemplate,
  synthesis,
  deployment,
];
