import type { Redactor } from '../rakuten/api/redact';

/** CloudFormation cuts a reason at 4,096 bytes, and the provider framework adds the name of a log group. */
const MAX_MESSAGE_BYTES = 3_400;

/** The error as a person may see it: no secret, no stack (the provider framework would show it), short enough for CloudFormation. */
export function presentable(error: unknown, redactor: Redactor): Error {
  const text = redactor.clean(error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
  let message = text;
  for (let length = text.length; Buffer.byteLength(message) > MAX_MESSAGE_BYTES; length -= 50) message = `${text.slice(0, length)}…`;
  const shown = new Error(message);
  shown.name = error instanceof Error ? error.name : 'Error';
  shown.stack = `${shown.name}: ${message}`;
  return shown;
}

/**
 * The error itself if it says what to do, else what is made of it: nobody foresaw it.
 *
 * @param explain is given the error's name with its message, and its name
 */
export function explained(error: unknown, explain: (problem: string, name: string) => Error): unknown {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return message.includes('Next step: ') ? error : explain(`${name}: ${message}`, name);
}

/** The error itself if it says what to do, else with that added. */
export const withNextStep = (error: unknown, next: string): unknown =>
  explained(error, (problem, name) => Object.assign(new Error(`${problem}. Next step: ${next}.`, { cause: error }), { name }));
