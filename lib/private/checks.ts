import { type Duration, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { isPlainHttp } from '../../core/rakuten/api/http';

/**
 * What is wrong with a value and how to mend it; undefined for a good one, and for one that is only
 * known at deploy time.
 */
export type Problem = string | undefined;

/** Rakuten's API takes the SID as a 32-bit integer. */
const MAX_SID = 2 ** 31 - 1;

/** Fails the synthesis with the construct's path in front, since an app may have several. */
export function assertValid(
  scope: Construct,
  condition: unknown,
  problem: Problem,
): asserts condition {
  if (!condition) throw new Error(`${scope.node.path}: ${problem}`);
}

/** Fails the synthesis with the first problem. */
export function rejectProblems(scope: Construct, problems: readonly Problem[]): void {
  for (const problem of problems) assertValid(scope, problem === undefined, problem);
}

export function sidProblem(sid: string): Problem {
  if (Token.isUnresolved(sid) || (/^[1-9]\d*$/.test(sid) && Number(sid) <= MAX_SID))
    return undefined;
  return `the sid '${sid}' is not a publisher id: Rakuten's are whole numbers such as 3900112 (in its portal: the number beside your site's name)`;
}

export function rangeProblem(
  name: string,
  value: number | undefined,
  min: number,
  max: number,
): Problem {
  if (value === undefined || Token.isUnresolved(value)) return undefined;
  if (Number.isInteger(value) && value >= min && value <= max) return undefined;
  return `${name} is ${value}; give a whole number from ${min} to ${max}`;
}

/** A schedule, and the period of an alarm, need the number at synthesis. */
export function knownDurationProblem(name: string, value: Duration | undefined): Problem {
  if (value === undefined || !value.isUnresolved()) return undefined;
  return `${name} is a token, whose value is known only at deployment; give a number, for example Duration.minutes(5)`;
}

export function durationProblem(
  name: string,
  value: Duration | undefined,
  min: Duration,
  max: Duration,
  tokenUnit = 'seconds',
): Problem {
  if (value === undefined) return undefined;
  if (value.isUnresolved()) return tokenUnitProblem(name, value, tokenUnit);
  const seconds = value.toSeconds({ integral: false });
  if (seconds >= min.toSeconds() && seconds <= max.toSeconds()) return undefined;
  return `${name} is ${value.toHumanString()}; give ${min.toHumanString()} to ${max.toHumanString()}`;
}

/**
 * A token cannot be converted to another unit. `unit`: the one in which the template has the value.
 */
export function tokenUnitProblem(name: string, value: Duration | undefined, unit: string): Problem {
  if (value === undefined || !value.isUnresolved() || value.unitLabel() === unit) return undefined;
  return `${name} is a token in ${value.unitLabel()}, which cannot be converted at synthesis; give Duration.${unit}(token), or a number`;
}

/**
 * Of a base URL that paths are appended to. `{apiId}` and `{stage}` may stand in it where
 * `placeholders` says so.
 */
export function urlProblem(
  name: string,
  value: string | undefined,
  placeholders: boolean,
): Problem {
  if (value === undefined || Token.isUnresolved(value)) return undefined;
  const filled = placeholders ? fillPlaceholders(value, 'id', 'stage') : value;
  if (!URL.canParse(filled) || !/^https?:$/.test(new URL(filled).protocol) || /[?#]/.test(filled)) {
    return `${name} is '${value}'; give a URL such as https://example.com/rakuten, without ? and #`;
  }
  // The value itself stays out of this message: it has a password in it.
  if (new URL(filled).username !== '' || new URL(filled).password !== '') {
    return `${name} has a user name or password in it, which would be shown to Rakuten and in logs; leave them out`;
  }
  if (isPlainHttp(filled)) {
    return `${name} is plain http, so what it carries would travel unencrypted: Rakuten's credentials, or the secret in the URL; give an https URL (http is for this machine only)`;
  }
  if (/[{}]/.test(filled)) {
    return `${name} is '${value}'; ${placeholders ? 'only {apiId} and {stage} are filled in' : 'nothing in braces is filled in here'}, so leave other braces out`;
  }
  return undefined;
}

/** Puts the API's id and stage into a base URL. */
export function fillPlaceholders(url: string, apiId: string, stage: string): string {
  return url.replaceAll('{apiId}', apiId).replaceAll('{stage}', stage);
}
