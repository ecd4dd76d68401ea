import { Redactor } from '../rakuten/api/redact';
import { assertAllowed } from '../registration/allowed-urls';
import type { ProbeResult } from '../registration/ports';
import { parseProperties } from '../registration/properties';
import { readUrlSecret } from '../registration/run';
import { PROBE_TIMEOUT_MILLIS, probeUrl } from '../registration/self-test';
import { accepts, markFor } from '../registration/state';
import type { PublisherState } from '../state/publisher-state';
import { reasonOf } from './announcements';
import { type Check, checkPublisher } from './check';
import type { WatchPorts } from './ports';
import type { WatchSettings } from './record';

/** What one run of the status watch found. Nothing secret. */
export interface WatchResult {
  readonly checks: readonly Check[];
  /** How the endpoint answered the watch's own GET. */
  readonly probe?: ProbeResult;
}

/** So many publishers at once: one whose account hangs must not keep the others waiting. */
const AT_ONCE = 4;
/** What must be left to begin with another publisher. */
const SHORTEST_CHECK_MILLIS = 30_000;

/**
 * Checks every publisher of the installation. `endUntil`: milliseconds since 1970. Throws only when
 * it cannot be said which publishers there are.
 */
export async function watch(
  ports: WatchPorts,
  settings: WatchSettings,
  endUntil: number,
): Promise<WatchResult> {
  const states = await ports.store.readStates();
  const [checks, probe] = await Promise.all([
    checkAll(ports, settings, states, endUntil),
    settings.selfProbe ? tryProbe(ports, states) : undefined,
  ]);
  return { checks, probe };
}

async function checkAll(
  ports: WatchPorts,
  settings: WatchSettings,
  states: readonly PublisherState[],
  endUntil: number,
): Promise<Check[]> {
  const checks: Check[] = [];
  // One iterator for all: each takes the next publisher.
  const waiting = states.values();
  const worker = async (): Promise<void> => {
    for (const { sid } of waiting) {
      const inTime = ports.clock.now() + SHORTEST_CHECK_MILLIS < endUntil;
      checks.push(inTime ? await checkPublisher(ports, settings, sid, endUntil) : notBegun(sid));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return checks;
}

const notBegun = (sid: string): Check => ({
  sid,
  finding: 'unknown',
  restored: false,
  flapping: false,
  problem: 'no time was left to begin the check, as those of other publishers took too long',
});

async function tryProbe(
  ports: WatchPorts,
  states: readonly PublisherState[],
): Promise<ProbeResult | undefined> {
  const redactor = new Redactor();
  try {
    return await selfProbe(ports, states, redactor);
  } catch (error) {
    // A check needs the URL secret only for a repair, so this failure is in no result.
    ports.taskFailed({ message: 'probe not sent', reason: reasonOf(error, redactor) });
    return undefined;
  }
}

/**
 * One GET to the endpoint on a new connection, as Rakuten sends a postback, marked as a probe. The
 * publishers share the endpoint, so the first one's URL serves. Undefined where nobody is
 * registered, or while the secret changes: a probe under a secret that is not accepted would count
 * as forged.
 */
export async function selfProbe(
  ports: WatchPorts,
  states: readonly PublisherState[],
  redactor: Redactor,
): Promise<ProbeResult | undefined> {
  const state = states.find(({ properties }) => properties !== undefined);
  if (state?.properties === undefined) return undefined;
  const desired = parseProperties(state.properties);
  assertAllowed(ports.urls, desired);
  const secret = await readUrlSecret({ ports, desired, redactor });
  if (!accepts(state, markFor(secret, desired.fields))) return undefined;
  return ports.probe(probeUrl(desired, secret, ports.randomId()), PROBE_TIMEOUT_MILLIS);
}
