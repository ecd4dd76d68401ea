import { UserError } from '../errors';
import type { ProbeResult } from './ports';
import type { Desired } from './properties';

export const NOT_CHANGED = 'Nothing was changed at Rakuten';
export const HOW_TO_SKIP = 'selfTest: false on the publisher skips this test';

/** An error in a CloudFormation event has about 4,000 characters; the last probes tell more than the first. */
const PROBES_LISTED = 40;

/** What a failed self-test saw, and what to try. */
export function selfTestError(desired: Desired, probes: readonly ProbeResult[], seconds: number): UserError {
  const { limitMillis } = desired;
  const listed = probes.slice(-PROBES_LISTED);
  const answered = probes.filter((p) => p.status === 200).map((p) => p.millis);
  const list = `${probes.length > listed.length ? `the last ${listed.length} of ${probes.length}` : 'each'}: ${listed.map(inWords).join(', ')}`;
  const fastest =
    answered.length === 0 ? '' : `. Of the ${answered.length} answered 200, the fastest took ${Math.round(Math.min(...answered))} ms`;
  return new UserError({
    name: 'SelfTestError',
    problem:
      `The endpoint ${desired.endpointUrl} did not answer ten GETs in a row with 200 ` +
      `within ${limitMillis} ms, in ${seconds} s (${list})${fastest}`,
    meaning: `Rakuten gives a postback one attempt of 400 ms, so lines would be lost. ${NOT_CHANGED}`,
    nextStep: `${advice(desired, probes)}; then deploy again. ${HOW_TO_SKIP}`,
  });
}

function inWords({ status, millis, error }: ProbeResult): string {
  const time = `${Math.round(millis)} ms`;
  if (status === undefined) return `${error ?? 'no answer'} after ${time}`;
  return status === 200 ? time : `HTTP ${status} in ${time}`;
}

function advice(desired: Desired, probes: readonly ProbeResult[]): string {
  // What a fresh API does at first says nothing about what is wrong now.
  const recent = probes.slice(-10);
  const share = (test: (p: ProbeResult) => boolean): number => recent.filter(test).length / recent.length;
  if (share((p) => p.status === undefined) >= 0.5) {
    return 'check that the host resolves and is reachable from the internet, its certificate (custom domain: the DNS record and the base path mapping), and that no resource policy or firewall closes it';
  }
  if (share((p) => p.status === 403 || p.status === 404) >= 0.5) {
    return 'check the path and stage of the endpoint URL, the base path mapping of a custom domain, and any resource policy or web ACL in front';
  }
  if (share(({ status = 0 }) => status >= 500) >= 0.5) {
    return "the API cannot put messages into the queue: check the role of the API's integration, the queue's policy and, for an encrypted queue, the rights on its key";
  }
  return `the answers are too slow: a REGIONAL endpoint in a region near this function, no proxy or CDN in front, a custom domain that is regional too; from far away raise the limit (${desired.limitMillis} ms) only knowing that Rakuten's own is 400 ms`;
}
