import { type FaultKind, type FaultPlan, isBatch } from './proxy';
import type { Scenario } from './scenario';
import { SECRETS, type Services } from './world';

/** One disturbed invocation. */
export interface Trial {
  readonly handler: string;
  readonly title: string;
  readonly plan: FaultPlan;
  /** How the disturbed invocation ended. */
  readonly outcome: string;
  /** Whether that is how an undisturbed one ends. */
  readonly asUndisturbed: boolean;
  readonly seconds: number;
  /** What must not be. Empty: all held. */
  readonly wrong: readonly string[];
}

export interface Baseline {
  readonly calls: readonly string[];
  readonly outcome: string;
}

let serial = 0;

/** The scenario undisturbed: which calls it makes. */
export async function undisturbed(services: Services, scenario: Scenario): Promise<Baseline> {
  serial += 1;
  const one = await scenario.begin(services, serial);
  try {
    services.faults.begin();
    const outcome = await one.act();
    const calls = [...services.faults.calls];
    const wrong = await one.wrongAtOnce();
    await one.recover();
    wrong.concat(await one.wrongInTheEnd());
    if (wrong.length > 0) throw new Error(`${scenario.title} goes wrong undisturbed: ${wrong.join('; ')}`);
    return { calls, outcome };
  } finally {
    await one.close();
  }
}

/** The scenario with one fault. */
export async function disturbed(services: Services, scenario: Scenario, plan: FaultPlan, baseline: Baseline): Promise<Trial> {
  serial += 1;
  const { faults, output } = services;
  const one = await scenario.begin(services, serial);
  const started = performance.now();
  const before = output.length;
  try {
    faults.begin(plan);
    const outcome = await one.act();
    const hit = faults.hit;
    const seconds = (performance.now() - started) / 1000;
    faults.begin();
    const wrong = [...(await one.wrongAtOnce())];
    await one.recover();
    wrong.push(...(await one.wrongInTheEnd()));
    if (!hit) wrong.push('the fault never came');
    const written = output.slice(before).join('\n');
    if (SECRETS.some((secret) => written.includes(secret))) wrong.push('a secret was written to the log');
    return { handler: scenario.handler, title: scenario.title, plan, outcome, asUndisturbed: outcome === baseline.outcome, seconds, wrong };
  } catch (error) {
    const wrong = [`undisturbed again it fails: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`];
    return { handler: scenario.handler, title: scenario.title, plan, outcome: 'fails', asUndisturbed: false, seconds: 0, wrong };
  } finally {
    faults.begin();
    await one.close();
  }
}

const ONCE: readonly FaultKind[] = ['error', 'throttle', 'cut', 'lost', 'timeout'];
const LASTING: readonly FaultKind[] = ['error', 'throttle', 'cut'];
/** Of many calls under one name the first ones and the last are tried. */
const MAX_OF_A_NAME = 4;

/** Every fault at every call. */
export function plansFor({ calls }: Baseline): FaultPlan[] {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1);
  return [...counts].flatMap(([call, count]) => {
    const places = Array.from({ length: count }, (_, nth) => nth).filter((nth) => nth < MAX_OF_A_NAME - 1 || nth === count - 1);
    return places.flatMap((nth) => [
      ...[...ONCE, ...(isBatch(call) ? (['partial'] as const) : [])].map((kind) => ({ call, nth, kind, lasts: false })),
      // Rakuten is tried until the time is over; that is played with simulated time, by the registration's and the watch's own tests.
      ...(call.startsWith('rakuten') ? [] : LASTING).map((kind) => ({ call, nth, kind, lasts: true })),
    ]);
  });
}
