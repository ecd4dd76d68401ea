import { knownEvents } from './known-events';
import type { Ruler } from './ruler';

/** A rule of EventBridge. */
export interface Rule {
  /** Stack and resource, or page and line. */
  readonly where: string;
  readonly pattern: object;
  /** Topics of the events that it must match. It must match no other event. */
  readonly topics: readonly string[];
}

/** Rules that match an unwanted event, or miss a wanted one. */
export function ruleProblems(ruler: Ruler, rules: readonly Rule[]): string[] {
  const known = knownEvents();
  const matching = ruler(
    rules.map(({ pattern }) => pattern),
    known.map(({ event }) => event),
  );
  console.log(`${rules.length} rules in Event Ruler, with ${known.length} events each`);
  return rules.flatMap(({ where, topics }, rule) => [
    ...topics
      .filter((topic) => !known.some((one) => one.topic === topic))
      .map((topic) => `${where}: there is no event "${topic}"`),
    ...known.flatMap(({ topic, event }, i) => {
      const isWanted = topics.includes(topic);
      if (isWanted === matching[i]?.includes(rule)) return [];
      return [
        `${where}: the rule ${isWanted ? 'misses' : 'wrongly matches'} ${JSON.stringify(event)}`,
      ];
    }),
  ]);
}
