import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { CommandContext } from './command';
import { CliError } from './errors';
import { type ResourceName, requireResource } from './installation';

/** Longer than the timeout of any of the functions. */
const TIMEOUT_MILLIS = 16 * 60_000;

/**
 * Invokes a function of the installation and waits for its result. Ctrl-C ends the wait, not the
 * function.
 *
 * @throws CliError with the message of the function's error, which the functions make safe to show
 */
export async function invokeFunction<T>(
  context: CommandContext,
  resource: ResourceName,
  event: object,
): Promise<T> {
  const { signal } = context.terminal;
  const installation = await context.installation();
  const FunctionName = requireResource(installation, resource);
  const client = new LambdaClient({
    ...installation.aws('lambda'),
    // A second invocation would repeat the work.
    maxAttempts: 1,
    requestHandler: { requestTimeout: TIMEOUT_MILLIS, socketTimeout: TIMEOUT_MILLIS },
  });
  try {
    const command = new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) });
    const { Payload, FunctionError } = await client.send(command, { abortSignal: signal });
    const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError !== undefined)
      throw new CliError(
        `${FunctionName}: ${(answer as { errorMessage?: string } | null)?.errorMessage ?? FunctionError}`,
      );
    return answer as T;
  } catch (cause) {
    if (signal.aborted)
      throw new CliError(`stopped waiting for ${FunctionName}, which continues`, undefined, {
        cause,
      });
    throw cause;
  } finally {
    client.destroy();
  }
}
