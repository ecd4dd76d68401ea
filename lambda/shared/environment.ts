/** The value of an environment variable that the construct sets only where something is asked for; undefined where it is not. */
export const optionalEnvironment = (name: string): string | undefined => process.env[name] || undefined;

/** The value of an environment variable that the construct sets. Throws by name when it is missing, at the cold start rather than at some later message. */
export function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`the environment variable ${name} is not set; the construct sets it, so deploy the function through it`);
  return value;
}
