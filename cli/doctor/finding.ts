import type { Examination } from './examination';

/**
 * - `warning`: works, and something should be looked at; or it could not be looked at for want of a
 *   permission
 * - `problem`: postbacks are lost, or will be
 * - `skipped`: there is nothing to look at here, or something before it failed
 */
export type Status = 'ok' | 'warning' | 'problem' | 'skipped';

/** What a check found. Nothing secret: the report goes to others. */
export interface Finding {
  readonly status: Status;
  /** What was looked at, where it is not the check's name. */
  readonly what?: string;
  readonly found: string;
  /** What to do about it. */
  readonly mend?: string;
}

export const ok = (found: string): Finding => ({ status: 'ok', found });
export const warning = (found: string, mend?: string): Finding => ({
  status: 'warning',
  found,
  mend,
});
export const problem = (found: string, mend?: string): Finding => ({
  status: 'problem',
  found,
  mend,
});
export const skipped = (found: string): Finding => ({ status: 'skipped', found });
/** Of a publisher. */
export const UNREGISTERED = skipped('not looked at, as it was unregistered by hand');

/** The worst of what was found about one thing, all of it in words. */
export function together(...findings: readonly Finding[]): Finding {
  const worst = (['problem', 'warning', 'ok', 'skipped'] as const).find((status) =>
    findings.some((finding) => finding.status === status),
  );
  const shown = findings.filter(
    ({ status }) => status === worst || status === 'ok' || status === 'warning',
  );
  const mends = shown.flatMap(({ mend }) => mend ?? []);
  return {
    status: worst ?? 'ok',
    found: shown.map(({ found }) => found).join('; '),
    mend: mends.length === 0 ? undefined : [...new Set(mends)].join('; '),
  };
}

/** One link of the chain to look at. */
export interface Check {
  /** Heading that it stands under. */
  readonly area: string;
  readonly name: string;
  /** What whoever runs it must be allowed to do. */
  readonly permissions: readonly string[];
  /** Whether it is there on a deployed stack only. */
  readonly stackOnly?: boolean;
  /** Whether nothing else may run meanwhile, as it measures time. */
  readonly alone?: boolean;
  /** @default 25 seconds */
  readonly limitMillis?: number;
  readonly run: (examination: Examination) => Promise<Finding | readonly Finding[]>;
}
