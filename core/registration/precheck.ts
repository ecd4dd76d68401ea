import { PRECHECK_RESOURCE_TYPE } from '../names';
import { Redactor } from '../rakuten/api/redact';
import type { RegistrationAnswer, RegistrationEvent } from './events';
import { retryWhileDenied } from './lease';
import { slotTakenError } from './messages';
import type { RegistrationPorts } from './ports';
import { type PrecheckProperties, parsePrecheckProperties } from './properties';
import { openClient } from './run';
import { sanitizeError, toUserError } from './sanitize-error';
import { ownerOf } from './slot-url';

export const isPrecheckEvent = ({ ResourceType }: { readonly ResourceType?: string }): boolean =>
  ResourceType === PRECHECK_RESOURCE_TYPE;

/**
 * Answers the CloudFormation requests of the check before the table is created.
 *
 * A Create reads the credentials and the slot, and fails as the registration would. It writes
 * nothing. Updates and deletions check nothing: what they find is for the registration to decide.
 */
export async function handlePrecheckEvent(
  ports: RegistrationPorts,
  event: RegistrationEvent,
  endUntil: number,
): Promise<RegistrationAnswer> {
  const redactor = new Redactor();
  const answer = {
    PhysicalResourceId:
      event.PhysicalResourceId ?? `rakuten-postback-precheck-${event.LogicalResourceId}`,
    Data: {},
  };
  if (event.RequestType !== 'Create') return answer;
  try {
    await precheck(ports, parsePrecheckProperties(event.ResourceProperties), redactor, endUntil);
    return answer;
  } catch (error) {
    ports.log('precheck failed', { reason: (error as Error).name });
    throw sanitizeError(
      toUserError(
        error,
        'deploy again; if it fails in the same way, read the log of the registration function',
      ),
      redactor,
    );
  }
}

async function precheck(
  ports: RegistrationPorts,
  access: PrecheckProperties,
  redactor: Redactor,
  until: number,
): Promise<void> {
  const { sid, endpointUrl } = access;
  const retry = retryWhileDenied(ports);
  const readState = retry((id: string) => ports.store.readState(id));
  // An update adds the check to an installation that works: nothing of it may fail for that.
  if ((await readState(sid)) !== undefined)
    return ports.log('already registered, nothing to check', { sid });
  const client = await openClient(
    { ...ports, readSecret: retry(ports.readSecret) },
    access,
    redactor,
  );
  const slot = await client.read(until);
  if (slot === undefined || access.existingPostback === 'REPLACE') return;
  const owner = ownerOf(slot, {
    endpoints: endpointUrl === undefined ? [] : [endpointUrl],
    secretHashes: [],
  });
  if (owner === 'foreign' || owner === 'installation') throw slotTakenError(sid, slot, owner);
}
