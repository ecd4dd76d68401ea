import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { CommandContext } from './command';
import { CliError } from './errors';
import { type ResourceName, requireResource } from './installation';

/** Longer than any of the functions may run. */
const LONGEST_MILLIS = 16 * 60_000;

/** Invokes a function of the installation and waits for what it returns. Throws its error's message, which the functions make fit to be seen. */
export async function invokeFunction<T>(context: CommandContext, resource: ResourceName, event: object): Promise<T> {
  const installation = await context.installation();
  const FunctionName = requireResource(installation, resource);
  const client = new LambdaClient({
    ...installation.aws('lambda'),
    // A second invocation would do the work a second time.
    maxAttempts: 1,
    requestHandler: { requestTimeout: LONGEST_MILLIS, socketTimeout: LONGEST_MILLIS },
  });
  try {
    const { Payload, FunctionError } = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }));
    const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError !== undefined)
      throw new CliError(`${FunctionName}: ${(answer as { errorMessage?: string } | null)?.errorMessage ?? FunctionError}`);
    return answer as T;
  } finally {
    client.destroy();
  }
}
