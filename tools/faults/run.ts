import type { FaultPlan } from './proxy';
import { type Case, messageOf, type Scenario } from './scenario';
import type { World } from './world';

/** One disturbed invocation. */
export interface Trial {
  readonly scenario: Scenario;
  readonly plan: FaultPlan;
  /** How the disturbed invocation ended. */
  readonly outcome: string;
  /** Whether that is how an undisturbed one ends. */
  readonly asUndisturbed: boolean;
  readonly seconds: number;
  /** Violations. Empty if there are none. */
  readonly wrong: readonly string[];
}

export interface Baseline {
  readonly calls: readonly string[];
  readonly outcome: string;
}

let serial = 0;

/** The scenario undisturbed: which calls it makes. */
export async function undisturbed(world: World, scenario: Scenario): Promise<Baseline> {
  serial += 1;
  const one = await scenario.begin(world, serial);
  try {
    world.faults.begin();
    const outcome = await one.act();
    const calls = [...world.faults.calls];
    const wrong = [...(await one.wrongAtOnce())];
    await one.recover();
    wrong.push(...(await one.wrongInTheEnd()));
    if (wrong.length > 0)
      throw new Error(`${scenario.title} goes wrong undisturbed: ${wrong.join('; ')}`);
    return { calls, outcome };
  } finally {
    await one.close();
  }
}

/** The scenario with one fault. Never throws: a failure without a fault is a finding. */
export async function disturbed(
  world: World,
  scenario: Scenario,
  plan: FaultPlan,
  baseline: Baseline,
): Promise<Trial> {
  serial += 1;
  const before = world.output.length;
  const trial = { scenario, plan, outcome: 'never began', asUndisturbed: false, seconds: 0 };
  const wrong: string[] = [];
  let one: Case | undefined;
  try {
    one = await scenario.begin(world, serial, plan);
    const started = performance.now();
    world.faults.begin(plan);
    trial.outcome = await one.act();
    trial.asUndisturbed = trial.outcome === baseline.outcome;
    trial.seconds = (performance.now() - started) / 1000;
    if (!world.faults.hit) wrong.push('the fault never came');
    world.faults.begin();
    wrong.push(...(await one.wrongAtOnce()));
    await one.recover();
    wrong.push(...(await one.wrongInTheEnd()));
  } catch (error) {
    wrong.push(`undisturbed again it fails: ${messageOf(error).slice(0, 300)}`);
  } finally {
    world.faults.begin();
    await one?.close();
  }
  const written = world.output.slice(before).join('\n');
  if ([...world.secrets].some((secret) => written.includes(secret)))
    wrong.push('a secret was written to the log');
  return { ...trial, wrong };
}
