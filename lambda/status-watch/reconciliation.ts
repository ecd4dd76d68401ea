import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Gap } from '../../core/watch/record';

/** Asks the reconciliation function for a span, without waiting for what it finds. */
export function askReconciliation(client: Pick<LambdaClient, 'send'>, functionName: string): (sid: string, gap: Gap) => Promise<void> {
  return async (sid, { from, to, reason }) => {
    const event = { sid, from, to, reason };
    await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: JSON.stringify(event) }));
  };
}
