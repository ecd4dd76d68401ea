import type { RowField } from './fields';

/** Why a field could not be read, in words. */
export interface ParseProblem {
  readonly field: RowField;
  readonly reason: string;
}
