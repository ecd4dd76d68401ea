import { InvalidQueryError } from '../client';
import { UserError, type UserErrorFields } from '../core/errors';

/** Exit codes of the process. */
export const EXIT = {
  /** Success; a search found something. */
  found: 0,
  /** An error. */
  error: 1,
  /** The command line is invalid. */
  usage: 2,
  /** Success without any result. */
  nothing: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface CliErrorOptions extends Omit<UserErrorFields, 'name' | 'problem'> {
  /** Whether a stack trace helps to find the cause. @default false */
  readonly isTraceable?: boolean;
}

/** An error of the command line, with the exit code. */
export class CliError extends UserError {
  readonly isTraceable: boolean;

  constructor(
    problem: string,
    readonly exitCode: ExitCode = EXIT.error,
    { isTraceable = false, ...fields }: CliErrorOptions = {},
  ) {
    super({ ...fields, name: 'CliError', problem });
    this.isTraceable = isTraceable;
  }
}

export const usageError = (problem: string): CliError => new CliError(problem, EXIT.usage);

/**
 * Explains an error in one line, with the fix if it is known. All errors of the AWS SDK pass here.
 */
export function explain(error: unknown, where: string): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof InvalidQueryError)
    return new CliError(error.problem, EXIT.usage, { cause: error });
  if (error instanceof UserError) {
    const { name, problem, meaning, nextStep, requestId } = error;
    const fields = { meaning, nextStep, requestId, cause: error, isTraceable: true };
    return new CliError(`${where}: ${name}: ${problem}`, EXIT.error, fields);
  }
  const { name, message, code } = detailsOf(error);
  const known = KNOWN_ERRORS.find(({ matches }) => matches(name, message, code));
  if (known !== undefined)
    return new CliError(known.says(where, message), EXIT.error, { cause: error });
  const problem = `${where}: ${name === 'Error' ? '' : `${name}: `}${message}`;
  return new CliError(problem, EXIT.error, { cause: error, isTraceable: true });
}

interface KnownError {
  readonly matches: (name: string, message: string, code: string) => boolean;
  readonly says: (where: string, message: string) => string;
}

const named =
  (...names: string[]) =>
  (name: string): boolean =>
    names.includes(name);

const KNOWN_ERRORS: readonly KnownError[] = [
  {
    matches: (_name, message) =>
      message.includes('Region is missing') || message.includes('region=""'),
    says: () =>
      'no AWS region is set: give --region, set AWS_REGION, or name a profile that has one with --profile',
  },
  {
    matches: (_name, message) => message.startsWith('Region not accepted'),
    says: (_where, message) =>
      `'${/region="(.*)" is not/.exec(message)?.[1] ?? ''}' is no AWS region: give one such as us-east-1 with --region or AWS_REGION`,
  },
  {
    matches: (name, message) =>
      name === 'CredentialsProviderError' || message.includes('Could not load credentials'),
    says: (_where, message) =>
      `no AWS credentials: ${message}. Sign in ("aws sso login", "aws configure") or name a profile with --profile; for the local run give --local`,
  },
  {
    matches: named(
      'ExpiredTokenException',
      'ExpiredToken',
      'UnrecognizedClientException',
      'InvalidClientTokenId',
      'InvalidSignatureException',
      'SignatureDoesNotMatch',
    ),
    says: (_where, message) =>
      `AWS does not accept the credentials: ${message}. Sign in again, or name another profile with --profile`,
  },
  {
    matches: named('AccessDeniedException', 'AccessDenied'),
    says: (where, message) => `${where}: the credentials lack a permission: ${message}`,
  },
  {
    matches: named('ResourceNotFoundException'),
    says: (where) =>
      `${where}: there is no such table in this account and region. Check --region, --profile and the name`,
  },
  {
    matches: named('QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'),
    says: (where) =>
      `${where}: there is no such queue in this account and region. Check --region, --profile and the stack's name`,
  },
  {
    matches: (name, message) =>
      name === 'ValidationException' && /index|key schema element/i.test(message),
    says: (where, message) =>
      `${where}: this is not a transaction table of RakutenPostback: ${message}`,
  },
  {
    matches: named(
      'ThrottlingException',
      'ProvisionedThroughputExceededException',
      'RequestLimitExceeded',
      'Throttling',
    ),
    says: (where) =>
      `${where}: AWS throttles the reads, also after several tries. Try again in a minute, or ask for less at once`,
  },
  {
    matches: (_name, message, code) =>
      /ECONNREFUSED|ECONNRESET|socket hang up/.test(`${code} ${message}`),
    says: (where) =>
      `${where}: nothing answers at its endpoint. If it is the local run, start it with "npm start"`,
  },
  {
    matches: (_name, message, code) => /ENOTFOUND|EAI_AGAIN/.test(`${code} ${message}`),
    says: (where, message) =>
      `${where}: the endpoint's name cannot be resolved (${message}). Check --region and the network`,
  },
];

/** The first line of the message, and the code, which AWS and Node put into different places. */
function detailsOf(error: unknown): { name: string; message: string; code: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: '' };
  const { code } = error as { code?: unknown };
  const cause = error.cause === undefined ? undefined : detailsOf(error.cause);
  return {
    name: error.name,
    message: error.message.split('\n', 1)[0] || cause?.message || String(code ?? error.name),
    code: typeof code === 'string' ? code : (cause?.code ?? ''),
  };
}

/** A check is impossible because something before it failed, which is reported there. */
export class CheckSkippedError extends UserError {
  constructor(problem: string) {
    super({ name: 'CheckSkippedError', problem });
  }
}
