import { errorText, UserError, type UserErrorFields } from '../errors';
import type { Redactor } from '../rakuten/api/redact';

/**
 * CloudFormation cuts a reason at 4,096 bytes, and the provider framework adds the name of a log
 * group.
 */
const MAX_MESSAGE_BYTES = 3_400;

/**
 * The error as a user may see it: no secret, and short enough for CloudFormation.
 *
 * It has no stack, as the provider framework would show it. What is too long is cut in the problem.
 */
export function sanitizeError(error: unknown, redactor: Redactor): UserError {
  const clean = (text: string): string => redactor.clean(text).replace(/\s+/g, ' ');
  const { name, problem, ...fields } = toErrorFields(error);
  const { meaning, nextStep, requestId } = fields;
  const text = clean(problem);
  const cleaned = {
    ...fields,
    name,
    meaning: meaning && clean(meaning),
    nextStep: nextStep && clean(nextStep),
    requestId: requestId && clean(requestId),
  };
  let sanitized = new UserError({ ...cleaned, problem: text });
  for (let length = text.length; length > 0 && isTooLong(sanitized); length -= 50) {
    sanitized = new UserError({ ...cleaned, problem: `${text.slice(0, length)}…` });
  }
  sanitized.stack = errorText(sanitized);
  return sanitized;
}

const isTooLong = ({ message }: Error): boolean => Buffer.byteLength(message) > MAX_MESSAGE_BYTES;

/** The content of an error, which may be of another class or a value that is no error. */
export function toErrorFields(error: unknown): UserErrorFields {
  if (!(error instanceof Error)) return { name: 'Error', problem: String(error) };
  if (!(error instanceof UserError)) return { name: error.name, problem: error.message };
  const { name, problem, meaning, nextStep, status, operation, requestId } = error;
  return { name, problem, meaning, nextStep, status, operation, requestId };
}

/** Whether an error says how to fix it. Any other one was not foreseen. */
export function hasNextStep(error: unknown): error is UserError {
  return error instanceof UserError && error.nextStep !== undefined;
}

/** The error itself if it has a next step, otherwise one with this next step. */
export function toUserError(error: unknown, nextStep: string): UserError {
  if (hasNextStep(error)) return error;
  const { name } = toErrorFields(error);
  return new UserError({ name, problem: unforeseenText(error), nextStep, cause: error });
}

/** Name and message, also of a value that is no error. */
export function unforeseenText(error: unknown): string {
  return errorText(error instanceof Error ? error : new Error(String(error)));
}

/** The fields of an error, with one more sentence at the end of its message. */
export function withSentence(error: unknown, sentence: string): UserErrorFields {
  const { nextStep, ...fields } = toErrorFields(error);
  if (nextStep !== undefined) return { ...fields, nextStep: `${nextStep}. ${sentence}` };
  return { ...fields, problem: `${fields.problem} ${sentence}` };
}
