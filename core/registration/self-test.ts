import * as http from 'node:http';
import * as https from 'node:https';
import { UserError } from '../errors';
import { URL_PARAMETERS } from '../names';
import { fieldListId } from '../rakuten/postback/fields';
import type { Probe, ProbeResult, ReadingPorts } from './ports';
import type { Desired } from './properties';
import type { Run } from './run';

export const PROBES_IN_A_ROW = 10;
const PROBE_PATIENCE_MILLIS = 120_000;
const QUEUE_PATIENCE_MILLIS = 90_000;
/** Longer than any useful limit, so that a slow answer is measured and not cut off. */
export const PROBE_TIMEOUT_MILLIS = 5_000;
const PAUSE_AFTER_SUCCESS_MILLIS = 50;
const PAUSE_AFTER_FAILURE_MILLIS = 2_000;
const QUEUE_POLL_MILLIS = 1_000;
/** A fresh consumer may drop a probe before it knows the new secret. */
const PROBE_AGAIN_MILLIS = 10_000;

export interface SelfTestResult {
  /** Median of the probes that passed in a row, milliseconds. */
  readonly p50Millis: number;
  readonly maxMillis: number;
  readonly at: string;
}

export interface SelfTestOptions {
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Whether to wait until a probe has come out of the queue. */
  readonly queue: boolean;
}

/**
 * Proves the live endpoint: ten GETs in a row, each on a new connection, answered 200 inside the
 * limit, and one of them seen by the consumer. A fresh API and role refuse at first, so it goes on
 * for two minutes. Throws an error with each latency and what to try.
 */
export async function selfTest(
  run: Run<ReadingPorts>,
  secret: string,
  { until, queue }: SelfTestOptions,
): Promise<SelfTestResult> {
  const { clock, randomId, probe } = run.ports;
  const probeId = randomId();
  const url = probeUrl(run.desired, secret, probeId);
  const get = (): Promise<ProbeResult> => probe(url, PROBE_TIMEOUT_MILLIS);
  const row = await tenInARow(run, get, Math.min(until, clock.now() + PROBE_PATIENCE_MILLIS));
  if (queue)
    await seenByConsumer(run, probeId, get, Math.min(until, clock.now() + QUEUE_PATIENCE_MILLIS));
  const sorted = row.map((result) => result.millis).sort((a, b) => a - b);
  const result = {
    p50Millis: Math.round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0),
    maxMillis: Math.round(sorted.at(-1) ?? 0),
    at: new Date(clock.now()).toISOString(),
  };
  run.ports.log('self-test passed', {
    sid: run.desired.sid,
    p50Millis: result.p50Millis,
    maxMillis: result.maxMillis,
  });
  return result;
}

/** A GET to the endpoint that the consumer takes for a probe: it makes no row. */
export function probeUrl(
  desired: Pick<Desired, 'endpointUrl' | 'fields'>,
  secret: string,
  probeId: string,
): string {
  const query = new URLSearchParams({
    [URL_PARAMETERS.secret]: secret,
    [URL_PARAMETERS.fieldList]: fieldListId(desired.fields),
    [URL_PARAMETERS.probe]: probeId,
  });
  return `${desired.endpointUrl}?${query}`;
}

export const passes = (result: ProbeResult, limitMillis: number): boolean =>
  result.status === 200 && result.millis <= limitMillis;

async function tenInARow(
  run: Run<ReadingPorts>,
  get: () => Promise<ProbeResult>,
  until: number,
): Promise<ProbeResult[]> {
  const { desired, ports } = run;
  const started = ports.clock.now();
  const all: ProbeResult[] = [];
  let row: ProbeResult[] = [];
  for (;;) {
    const result = await get();
    all.push(result);
    const good = passes(result, desired.limitMillis);
    row = good ? [...row, result] : [];
    if (row.length === PROBES_IN_A_ROW) return row;
    const pause = good ? PAUSE_AFTER_SUCCESS_MILLIS : PAUSE_AFTER_FAILURE_MILLIS;
    if (ports.clock.now() + pause >= until) {
      throw selfTestError(desired, all, Math.round((ports.clock.now() - started) / 1000));
    }
    await ports.clock.sleep(pause);
  }
}

async function seenByConsumer(
  run: Run<ReadingPorts>,
  probeId: string,
  get: () => Promise<ProbeResult>,
  until: number,
): Promise<void> {
  const { store, clock } = run.ports;
  const started = clock.now();
  let lastSent = started;
  while (!(await store.probeSeen(probeId))) {
    if (clock.now() + QUEUE_POLL_MILLIS >= until) {
      const seconds = Math.round((clock.now() - started) / 1000);
      throw new UserError({
        name: 'SelfTestError',
        problem:
          `The endpoint ${run.desired.endpointUrl} answers, ` +
          `but none of the test postbacks came out of the queue within ${seconds} s`,
        meaning: `the consumer does not run, cannot read the queue, or is busy with a backlog. ${NOT_CHANGED}`,
        nextStep: `look at the consumer function's log and the dead-letter queue, then deploy again; ${HOW_TO_SKIP}`,
      });
    }
    await clock.sleep(QUEUE_POLL_MILLIS);
    if (clock.now() - lastSent < PROBE_AGAIN_MILLIS) continue;
    await get();
    lastSent = clock.now();
  }
}

export const NOT_CHANGED = 'Nothing was changed at Rakuten';
export const HOW_TO_SKIP = 'selfTest: false on the publisher skips this test';

/**
 * An error in a CloudFormation event has about 4,000 characters; the last probes tell more than the
 * first.
 */
const PROBES_LISTED = 40;

/** What a failed self-test saw, and what to try. */
export function selfTestError(
  desired: Desired,
  probes: readonly ProbeResult[],
  seconds: number,
): UserError {
  const { limitMillis } = desired;
  const listed = probes.slice(-PROBES_LISTED);
  const answered = probes.filter((p) => p.status === 200).map((p) => p.millis);
  const list = `${probes.length > listed.length ? `the last ${listed.length} of ${probes.length}` : 'each'}: ${listed.map(inWords).join(', ')}`;
  const fastest =
    answered.length === 0
      ? ''
      : `. Of the ${answered.length} answered 200, the fastest took ${Math.round(Math.min(...answered))} ms`;
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
  const share = (test: (p: ProbeResult) => boolean): number =>
    recent.filter(test).length / recent.length;
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

/**
 * One GET on a new connection, as Rakuten's sender makes it: DNS, handshakes and the whole answer
 * count.
 */
export const sendProbe: Probe = (url, timeoutMillis) => {
  const started = performance.now();
  return new Promise((resolve) => {
    const end = (result: { status?: number; error?: string }): void => {
      clearTimeout(timer);
      resolve({ ...result, millis: Math.round((performance.now() - started) * 10) / 10 });
    };
    const fail = (error: NodeJS.ErrnoException): void => end({ error: error.code ?? error.name });
    const client = url.startsWith('https:') ? https : http;
    const request = client.get(
      url,
      { agent: false, headers: { 'user-agent': 'cdk-rakuten-postback self-test' } },
      (response) => {
        response.on('end', () => end({ status: response.statusCode }));
        response.on('error', fail);
        response.resume();
      },
    );
    request.on('error', fail);
    const timer = setTimeout(() => {
      end({ error: 'no answer' });
      request.destroy();
    }, timeoutMillis);
  });
};
