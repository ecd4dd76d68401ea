import type { EventPattern } from '../../core/change-events/pipe-patterns';

/** Whether an EventBridge pattern matches a document: at each path, one of the conditions holds. */
export function matches(pattern: EventPattern, document: unknown): boolean {
  return Object.entries(pattern).every(([name, expected]) => {
    const value = isObject(document) ? document[name] : undefined;
    if (!Array.isArray(expected)) return matches(expected as EventPattern, value);
    return expected.some((condition) => {
      if (typeof condition === 'string') return value === condition;
      if ('prefix' in condition)
        return typeof value === 'string' && value.startsWith(condition.prefix);
      return condition.exists === (value !== undefined && !isObject(value));
    });
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
