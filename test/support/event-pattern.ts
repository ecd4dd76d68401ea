import type { EventPattern } from '../../core/events/pipe-patterns';

/** Whether EventBridge would let a document through: at each path of the pattern one of the values listed there, or something, or nothing. */
export function matches(pattern: EventPattern, document: unknown): boolean {
  return Object.entries(pattern).every(([name, wanted]) => {
    const found = isObject(document) ? document[name] : undefined;
    if (!Array.isArray(wanted)) return matches(wanted as EventPattern, found);
    return wanted.some((one) => {
      if (typeof one === 'string') return found === one;
      const isThere = found !== undefined && !isObject(found);
      return one.exists === isThere;
    });
  });
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
