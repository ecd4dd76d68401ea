import type { Redactor } from '../rakuten/api/redact';
import { assertAllowed } from '../registration/allowed-urls';
import type { ProbeResult } from '../registration/ports';
import { parseProperties } from '../registration/properties';
import { readUrlSecret } from '../registration/run';
import { PROBE_TIMEOUT_MILLIS, probeUrl } from '../registration/self-test';
import { accepts, markFor } from '../registration/state';
import type { PublisherState } from '../state/publisher-state';
import type { WatchPorts } from './ports';

/**
 * One GET to the endpoint on a new connection, as Rakuten sends a postback, marked as a probe. The publishers share the endpoint, so the first one's URL serves.
 * Undefined where nobody is registered, or while the secret changes: a probe under a secret that is not accepted would count as forged.
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
