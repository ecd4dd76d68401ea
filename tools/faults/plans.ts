import { isBatch } from './partial';
import { type FaultKind, type FaultPlan, serviceOf } from './proxy';
import type { Baseline } from './run';

const ONCE: readonly FaultKind[] = ['error', 'throttle', 'cut', 'lost', 'timeout'];
/** Faults that may last. */
const LASTING: readonly FaultKind[] = ['error', 'throttle', 'cut', 'lost'];
/** Each lasting fault of Rakuten costs all the time that the function has. */
const LASTING_OF_RAKUTEN: readonly FaultKind[] = ['error', 'throttle'];
/** Of many calls of one name the first two and the last one are tried. */
const MAX_OF_A_NAME = 3;

/** Every fault at every call. */
export function plansFor({ calls }: Pick<Baseline, 'calls'>): FaultPlan[] {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1);
  return [...counts].flatMap(([call, count]) => {
    const places = Array.from({ length: count }, (_, nth) => nth).filter(
      (nth) => nth < MAX_OF_A_NAME - 1 || nth === count - 1,
    );
    return places.flatMap((nth) => {
      const partial: FaultKind[] = isBatch(call) ? ['partial'] : [];
      const plan = (reach: FaultPlan['reach']) => (kind: FaultKind) => ({ call, nth, kind, reach });
      return [
        ...[...ONCE, ...partial].map(plan('once')),
        ...lastingAt(call, nth, count).concat(partial).map(plan('call')),
        ...outagesAt(nth).map(plan('service')),
      ];
    });
  });
}

function lastingAt(call: string, nth: number, count: number): readonly FaultKind[] {
  if (serviceOf(call) !== 'rakuten') return LASTING;
  return nth === 0 || nth === count - 1 ? LASTING_OF_RAKUTEN : [];
}

/** A missing answer takes longest, so it is tried once for each name. */
const outagesAt = (nth: number): readonly FaultKind[] =>
  nth === 0 ? ['error', 'timeout'] : ['error'];

/** The longest first, so that the end of the run does not wait for one of them. */
export const byLength = (a: FaultPlan, b: FaultPlan): number => lengthOf(b) - lengthOf(a);

function lengthOf({ call, kind, reach }: FaultPlan): number {
  const patience = reach === 'once' ? 0 : serviceOf(call) === 'rakuten' ? 4 : 1;
  return patience + (kind === 'timeout' ? 2 : kind === 'throttle' ? 1 : 0);
}
