import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { NotReconcilableError, reconcilablePublisher } from '../../core/reconciliation/publisher';
import type { PublisherState } from '../../core/state/publisher-state';
import type { Gap } from '../../core/status-watch/record';

/**
 * Asks the reconciliation function for a span, without waiting for what it finds. A publisher whose
 * URL does not ask for what tells one line from another is left out, as it is by the schedules.
 */
export function askReconciliation(
  client: Pick<LambdaClient, 'send'>,
  functionName: string,
  readState: (sid: string) => Promise<PublisherState | undefined>,
): (sid: string, gap: Gap) => Promise<void> {
  return async (sid, { from, to, reason }) => {
    if (!isReconcilable(sid, await readState(sid))) return;
    const event = { sid, from, to, reason };
    await client.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: JSON.stringify(event),
      }),
    );
  };
}

function isReconcilable(sid: string, state: PublisherState | undefined): boolean {
  try {
    reconcilablePublisher(sid, state);
    return true;
  } catch (error) {
    if (error instanceof NotReconcilableError) return false;
    throw error;
  }
}
