import {
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import type { Examination } from './examination';
import { type Finding, ok, problem, warning } from './finding';

/** Whether a function can run. */
export async function judgeFunction(
  examination: Examination,
  FunctionName: string,
): Promise<Finding> {
  const client = new LambdaClient(await examination.aws('lambda'));
  const { State, StateReason, LastUpdateStatus, LastUpdateStatusReason, Runtime } =
    await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const { ReservedConcurrentExecutions } = await client.send(
    new GetFunctionConcurrencyCommand({ FunctionName }),
  );
  const name = FunctionName.split(':').at(-1) ?? FunctionName;
  if (ReservedConcurrentExecutions === 0) {
    return problem(
      `${name} may not run: its reserved concurrency is 0`,
      `aws lambda delete-function-concurrency --function-name ${name}`,
    );
  }
  if (State === 'Failed')
    return problem(`${name} cannot run: ${StateReason ?? 'no reason is given'}`, 'deploy again');
  if (LastUpdateStatus === 'Failed') {
    return warning(
      `the last update of ${name} failed: ${LastUpdateStatusReason ?? 'no reason is given'}`,
      'deploy again',
    );
  }
  // `Inactive` is a function that was not used for weeks; it wakes up by itself.
  if (State === 'Pending' || LastUpdateStatus === 'InProgress')
    return warning(`${name} is being set up`, 'look again in a minute');
  return ok(`${name} can run${Runtime === undefined ? '' : ` (${Runtime})`}`);
}
