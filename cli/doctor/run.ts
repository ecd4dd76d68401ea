import type { Examination } from './examination';
import { type Check, type Finding, problem, skipped } from './finding';
import { masked } from './mask';
import { troubleOf } from './trouble';

const CHECK_MILLIS = 25_000;
/** So many at once: enough not to wait, few enough not to be throttled. */
const AT_ONCE = 5;

/** A finding with what it is about. */
export interface Told extends Finding {
  readonly area: string;
  readonly what: string;
}

export interface Listener {
  /** Checks that run at the moment, and how many have ended. */
  readonly onProgress: (running: readonly string[], ended: number) => void;
  /** The findings of a check, in the order of the checks. */
  readonly onFindings: (findings: readonly Told[]) => Promise<void>;
}

/**
 * Makes all checks, each within its time. None of them hides another: what one throws is its
 * finding.
 */
export async function examine(
  examination: Examination,
  checks: readonly Check[],
  listener: Listener,
): Promise<Told[]> {
  const ended = new Map<Check, readonly Told[]>();
  const running = new Set<string>();
  const told: Told[] = [];
  let next = 0;
  const one = async (check: Check): Promise<void> => {
    running.add(check.name);
    listener.onProgress([...running], ended.size);
    const findings = await within(check, examination);
    running.delete(check.name);
    ended.set(check, findings);
    listener.onProgress([...running], ended.size);
  };
  // One after the other, whichever check comes to it.
  let telling: Promise<void> = Promise.resolve();
  const tell = (findings: readonly Told[]): void => {
    told.push(...findings);
    telling = telling.then(() => listener.onFindings(findings));
  };
  for (const batch of batches(checks)) {
    const waiting = batch.values();
    const worker = async (): Promise<void> => {
      for (const check of waiting) {
        await one(check);
        for (let check = checks[next]; check !== undefined; check = checks[next]) {
          const findings = ended.get(check);
          if (findings === undefined) break;
          next += 1;
          tell(findings);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }
  await telling;
  return told;
}

/** Checks that measure time stand in a batch of their own. */
function batches(checks: readonly Check[]): Check[][] {
  const found: Check[][] = [];
  for (const [index, check] of checks.entries()) {
    const before = checks[index - 1];
    if (before === undefined || check.alone === true || before.alone === true) found.push([]);
    found.at(-1)?.push(check);
  }
  return found;
}

async function within(check: Check, examination: Examination): Promise<Told[]> {
  const limit = check.limitMillis ?? CHECK_MILLIS;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    const text = `no answer within ${limit / 1000} s`;
    timer = setTimeout(
      () =>
        resolve(
          problem(
            text,
            'see whether the service works and can be reached from here, and try again',
          ),
        ),
      limit,
    );
  });
  try {
    const findings = [await Promise.race([look(check, examination), late])].flat();
    const { redactor, accountId } = examination;
    return findings.map((finding) => ({
      ...masked(finding, redactor, accountId),
      area: check.area,
      what: finding.what ?? check.name,
    }));
  } finally {
    clearTimeout(timer);
  }
}

async function look(check: Check, examination: Examination): Promise<Finding | readonly Finding[]> {
  try {
    const isLocal = (await examination.installation().catch(() => undefined))?.kind === 'local';
    return isLocal && check.stackOnly === true
      ? skipped('no part of the local run')
      : await check.run(examination);
  } catch (error) {
    return troubleOf(error, check, check.name);
  }
}
