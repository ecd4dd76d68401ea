import { assertAllowed } from '../../../core/registration/allowed-urls';
import type { ProbeResult } from '../../../core/registration/ports';
import { parseProperties } from '../../../core/registration/properties';
import { readUrlSecret } from '../../../core/registration/run';
import { PROBE_TIMEOUT_MILLIS, probeUrl } from '../../../core/registration/self-test';
import { accepts, markFor } from '../../../core/registration/state';
import { CheckSkippedError } from '../../errors';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, skipped, warning } from '../finding';

/** Each on a new connection, as Rakuten sends. */
const PROBES = 5;
/** A consumer that is cold, or has a backlog, takes its time. */
const THROUGH_MILLIS = 20_000;
const LOOK_MILLIS = 250;

/**
 * GETs from here, as Rakuten sends them, and one of them followed through the queue. They make no
 * row.
 */
export const endpoint: Check = {
  area: 'Endpoint',
  name: 'Acknowledgement',
  permissions: ['dynamodb:GetItem on the state table', 'lambda:GetFunctionConfiguration'],
  alone: true,
  limitMillis: 60_000,
  run: async (examination) => {
    const { url, limitMillis, isClosed, id } = await target(examination);
    const { probe, store, clock } = await examination.ports();
    const results: ProbeResult[] = [];
    for (let sent = 0; sent < PROBES; sent += 1)
      results.push(await probe(url, PROBE_TIMEOUT_MILLIS));
    const answered = { ...judgeProbes(results, limitMillis, isClosed) };
    const through = (finding: Finding): Finding => ({ ...finding, what: 'Through the queue' });
    if (!results.some(({ status }) => status === 200))
      return [answered, through(skipped('not looked at, as no GET was acknowledged'))];
    const sentAt = clock.now();
    while (!(await store.probeSeen(id))) {
      if (clock.now() - sentAt > THROUGH_MILLIS) {
        const found = `no test GET came out of the queue within ${THROUGH_MILLIS / 1000} s: the consumer does not run, fails, or is busy with a backlog`;
        return [
          answered,
          through(problem(found, 'see what is said about the queue and the consumer below')),
        ];
      }
      await clock.sleep(LOOK_MILLIS);
    }
    return [
      answered,
      through(ok(`a test GET was processed ${((clock.now() - sentAt) / 1000).toFixed(1)} s later`)),
    ];
  },
};

/** The publishers share the endpoint, so one URL tells of all. */
async function target(examination: Examination) {
  const ports = await examination.ports();
  const id = ports.randomId();
  for (const publisher of await examination.publishers()) {
    const desired = parseProperties(publisher.wanted);
    assertAllowed(ports.urls, desired);
    const secret = await readUrlSecret({ ports, desired, redactor: examination.redactor }).catch(
      () => undefined,
    );
    if (secret === undefined || !accepts(publisher, markFor(secret, desired.fields))) continue;
    return {
      url: probeUrl(desired, secret, id),
      limitMillis: desired.limitMillis,
      isClosed: !desired.selfTest,
      id,
    };
  }
  throw new CheckSkippedError(
    'not looked at, as there is no secret to send that the consumer accepts',
  );
}

/**
 * `isClosed`: the deployment does not test the endpoint, as it may not be reached from everywhere.
 */
export function judgeProbes(
  results: readonly ProbeResult[],
  limitMillis: number,
  isClosed: boolean,
): Finding {
  const times = results.map(({ millis }) => millis).sort((a, b) => a - b);
  const median = Math.round(times[Math.floor((times.length - 1) / 2)] ?? 0);
  const longest = Math.round(times.at(-1) ?? 0);
  const failed = results.filter(({ status }) => status !== 200);
  const [first] = failed;
  if (first !== undefined) {
    const said = first.status === undefined ? (first.error ?? 'no answer') : `HTTP ${first.status}`;
    const found = `${failed.length} of ${results.length} GETs were not acknowledged (${said})`;
    if (isClosed && first.status === 403)
      return warning(
        `${found}; it may be meant: the endpoint need not be open to where this runs`,
        'run it from an address that the endpoint answers',
      );
    return problem(found, mendOf(first));
  }
  const found = `${results.length} GETs on new connections answered: median ${median} ms, longest ${longest} ms (Rakuten waits ${limitMillis} ms; this is from here, which is not where it sends from)`;
  if (median <= limitMillis) return ok(found);
  return warning(
    found,
    "from far away this says little: run it near the stack's region, and look at the metrics Latency of the API and ProbeLatency of the status watch",
  );
}

function mendOf({ status }: ProbeResult): string {
  if (status === undefined)
    return 'check that the host resolves and can be reached: DNS record, certificate, base path mapping of a custom domain';
  if (status === 429)
    return "the API is throttled: raise its limit, or look who else uses the account's";
  if (status >= 500)
    return "the API cannot write to the queue: check the role of its integration, the queue's policy and key; deploy again";
  return "check path and stage, a custom domain's base path mapping, a resource policy and a web ACL in front; deploy again";
}
