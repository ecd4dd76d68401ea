import { UserError } from '../../core/errors';

/** The value of an environment variable that the construct sets for some functions. */
export const optionalEnv = (name: string): string | undefined => process.env[name] || undefined;

/**
 * The value of an environment variable that the construct sets.
 *
 * Throws if it is missing: at the cold start rather than at some later message.
 */
export function requireEnv(name: string): string {
  const value = optionalEnv(name);
  if (value === undefined) throw environmentError(name, 'is not set');
  return value;
}

/** The JSON object in an environment variable, in the shape that the construct wrote. */
export function requireJsonEnv<T extends object>(name: string): T {
  const value = parseJson(requireEnv(name));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw environmentError(name, 'is not a JSON object');
  }
  return value as T;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const environmentError = (name: string, problem: string): UserError =>
  new UserError({
    name: 'EnvironmentError',
    problem: `the environment variable ${name} ${problem}; the construct sets it, so deploy the function through it`,
  });
