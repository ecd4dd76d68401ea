import { archiving, consuming } from '../faults/consumer';
import type { FaultPlan } from '../faults/proxy';
import { lineOf, pushRow, sidOf, withdrawing } from '../faults/reconciliation';
import { disturbed, undisturbed } from '../faults/run';
import type { Scenario } from '../faults/scenario';
import { SCENARIOS } from '../faults/scenarios';
import { Worlds } from '../faults/side-by-side';
import { reclaiming } from '../faults/status-watch';
import type { World } from '../faults/world';

/** A request that a function sent to an AWS service. */
export interface ObservedCall {
  /** Name of the function's bundle, or `reclaiming-status-watch`. */
  readonly bundle: string;
  /** As in an endpoint's host name, such as `dynamodb`. */
  readonly service: string;
  /** Name of the API operation, such as `PutItem`. */
  readonly operation: string;
  /** Parameters of the request. */
  readonly input: Record<string, unknown>;
}

interface Run {
  readonly scenario: Scenario;
  readonly plan?: FaultPlan;
  /**
   * Name under which the calls are noted, of a function whose calls depend on an option.
   * @default - the scenario's bundle
   */
  readonly bundle?: string;
}

/** A row whose `is_event` is unreadable makes the reconciliation query the line's other rows. */
const unreadable: Scenario = {
  ...withdrawing,
  async begin(world, serial) {
    const begun = await withdrawing.begin(world, serial);
    const sid = sidOf(serial);
    const { is_event: _, ...line } = lineOf(sid, 'UNREADABLE', 30 * 3_600_000);
    await pushRow(world, sid, line);
    return begun;
  },
};

/** Each scenario without a fault, and what it takes to see the calls that none of them makes. */
const RUNS: readonly Run[] = [
  ...SCENARIOS.map((scenario) => ({ scenario })),
  { scenario: unreadable },
  { scenario: reclaiming, bundle: 'reclaiming-status-watch' },
  // Both consumers note why a message failed.
  {
    scenario: consuming,
    plan: { call: 'dynamodb PutItem (row)', nth: 0, kind: 'error', reach: 'call' },
  },
  {
    scenario: archiving,
    plan: { call: 'dynamodb PutItem (row)', nth: 0, kind: 'error', reach: 'call' },
  },
];

const SIDE_BY_SIDE = 4;

/** Every call to AWS that the functions make in the runs. */
export async function observeCalls(): Promise<ObservedCall[]> {
  const worlds = new Worlds(SIDE_BY_SIDE);
  try {
    return (await worlds.all(RUNS, observe)).flat();
  } finally {
    await worlds.close();
  }
}

async function observe(
  world: World,
  { scenario, plan, bundle = scenario.handler }: Run,
): Promise<ObservedCall[]> {
  const calls: ObservedCall[] = [];
  world.faults.observe = (service, { headers, url = '' }, body) => {
    if (service === 'rakuten') return;
    const target = String(headers['x-amz-target'] ?? '').split('.')[1];
    const call =
      target === undefined
        ? callOfPath(service, url)
        : { service, operation: target, input: JSON.parse(body.toString()) };
    calls.push({ bundle, ...call });
  };
  const baseline = await undisturbed(world, scenario);
  const wrong = plan === undefined ? [] : (await disturbed(world, scenario, plan, baseline)).wrong;
  if (wrong.length > 0)
    throw new Error(`${scenario.title}, with ${plan?.call} failing: ${wrong.join('; ')}`);
  return calls;
}

/** Lambda names the operation and the function in the path. */
function callOfPath(service: string, url: string): Omit<ObservedCall, 'bundle'> {
  const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(url)?.[1];
  if (service !== 'lambda' || name === undefined)
    throw new Error(`${service} ${url} is a call that tools/iam/observed.ts cannot read yet`);
  return { service, operation: 'Invoke', input: { FunctionName: decodeURIComponent(name) } };
}
