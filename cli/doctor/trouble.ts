import { UserError } from '../../core/errors';
import { CheckSkippedError, explain } from '../errors';
import { type Check, type Finding, problem, skipped, warning } from './finding';

/** A check that threw, as a finding. */
export function troubleOf(
  error: unknown,
  check: Pick<Check, 'permissions'>,
  where: string,
): Finding {
  if (error instanceof CheckSkippedError) return skipped(error.message);
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  const permission = permissionIn(name, message, check);
  if (permission !== undefined) return lacking(permission);
  if (/^(UnknownOperation|InvalidAction|NotImplemented)/.test(name))
    return skipped('the service does not know the question: an emulator');
  if (
    /^(ResourceNotFound|TableNotFound|QueueDoesNotExist|AWS.SimpleQueueService.NonExistentQueue)/.test(
      name,
    )
  ) {
    return problem(
      'it is not there',
      `deploy the stack again, or name the right one with --stack, --region and --profile`,
    );
  }
  return findingOf(explain(error, where));
}

/** It could not be looked at; whether it works is not said by that. */
export const lacking = (permission: string): Finding =>
  warning(
    `could not be looked at: needs ${permission}`,
    `allow ${permission} to whoever runs this`,
  );

/** AWS says which permission is missing, mostly. */
function permissionIn(
  name: string,
  message: string,
  { permissions }: Pick<Check, 'permissions'>,
): string | undefined {
  const named = /not authorized to perform: ([\w-]+:\w+)/.exec(message)?.[1];
  if (named !== undefined) return named;
  return /^(AccessDenied|UnauthorizedOperation|AuthorizationError)/.test(name)
    ? permissions.join(', ')
    : undefined;
}

/** An error as a finding, with its next step if it has one. */
export function findingOf(error: unknown): Finding {
  if (error instanceof UserError) return problem(error.summary, error.nextStep);
  return problem(error instanceof Error ? error.message : String(error));
}
