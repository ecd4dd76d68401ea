import { UserError } from '../errors';
import { URL_PARAMETERS } from '../names';
import { fieldListId } from '../rakuten/postback/fields';
import type { ProbeResult, ReadingPorts } from './ports';
import type { Desired } from './properties';
import type { Run } from './run';
import { HOW_TO_SKIP, NOT_CHANGED, selfTestError } from './self-test-report';

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
 * Proves the live endpoint: ten GETs in a row, each on a new connection, answered 200 inside the limit, and one of them seen by the consumer.
 * A fresh API and role refuse at first, so it goes on for two minutes. Throws an error with each latency and what to try.
 */
export async function selfTest(run: Run<ReadingPorts>, secret: string, { until, queue }: SelfTestOptions): Promise<SelfTestResult> {
  const { clock, randomId, probe } = run.ports;
  const probeId = randomId();
  const url = probeUrl(run.desired, secret, probeId);
  const get = (): Promise<ProbeResult> => probe(url, PROBE_TIMEOUT_MILLIS);
  const row = await tenInARow(run, get, Math.min(until, clock.now() + PROBE_PATIENCE_MILLIS));
  if (queue) await seenByConsumer(run, probeId, get, Math.min(until, clock.now() + QUEUE_PATIENCE_MILLIS));
  const sorted = row.map((result) => result.millis).sort((a, b) => a - b);
  const result = {
    p50Millis: Math.round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0),
    maxMillis: Math.round(sorted.at(-1) ?? 0),
    at: new Date(clock.now()).toISOString(),
  };
  run.ports.log('self-test passed', { sid: run.desired.sid, p50Millis: result.p50Millis, maxMillis: result.maxMillis });
  return result;
}

/** A GET to the endpoint that the consumer takes for a probe: it makes no row. */
export function probeUrl(desired: Pick<Desired, 'endpointUrl' | 'fields'>, secret: string, probeId: string): string {
  const query = new URLSearchParams({
    [URL_PARAMETERS.secret]: secret,
    [URL_PARAMETERS.fieldList]: fieldListId(desired.fields),
    [URL_PARAMETERS.probe]: probeId,
  });
  return `${desired.endpointUrl}?${query}`;
}

export const passes = (result: ProbeResult, limitMillis: number): boolean => result.status === 200 && result.millis <= limitMillis;

async function tenInARow(run: Run<ReadingPorts>, get: () => Promise<ProbeResult>, until: number): Promise<ProbeResult[]> {
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

async function seenByConsumer(run: Run<ReadingPorts>, probeId: string, get: () => Promise<ProbeResult>, until: number): Promise<void> {
  const { store, clock } = run.ports;
  const started = clock.now();
  let lastSent = started;
  while (!(await store.probeSeen(probeId))) {
    if (clock.now() + QUEUE_POLL_MILLIS >= until) {
      const seconds = Math.round((clock.now() - started) / 1000);
      throw new UserError({
        name: 'SelfTestError',
        problem:
          `The endpoint ${run.desired.endpointUrl} answers, ` + `but none of the test postbacks came out of the queue within ${seconds} s`,
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
