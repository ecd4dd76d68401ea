import type { RegistrationPorts } from './ports';
import { sidOf } from './properties';
import { sha256 } from './slot-url';
import { emptyState } from './state';

/** The properties of an update, as CloudFormation sends them. */
interface UpdateProperties {
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

/** Our properties only, in a stable order. */
const fingerprint = (properties: Readonly<Record<string, unknown>>): string => {
  const own = Object.entries(properties).filter(([name]) => name !== 'ServiceToken' && name !== 'ServiceTimeout');
  return sha256(JSON.stringify(own.map(([name, value]) => [name, String(value)]).sort()));
};

/** Written to the state of the SID that the reverting update will be about: the old one. */
export async function rememberFailedUpdate(ports: RegistrationPorts, event: UpdateProperties, slotUntouched: boolean): Promise<void> {
  const old = event.OldResourceProperties ?? {};
  const sid = sidOf(old);
  if (sid === undefined) return;
  const failedUpdate = { from: fingerprint(old), to: fingerprint(event.ResourceProperties), slotUntouched };
  try {
    await ports.store.writeState({ ...((await ports.store.readState(sid)) ?? emptyState(sid)), failedUpdate });
  } catch (error) {
    // The error that made the update fail is the one to report.
    ports.log('failed update not remembered', { sid, reason: (error as Error).name });
  }
}

/** The failed update that this one takes back, if it does. */
export async function failedUpdateThatThisReverts(
  ports: RegistrationPorts,
  event: UpdateProperties,
): Promise<{ readonly slotUntouched: boolean } | undefined> {
  const sid = sidOf(event.ResourceProperties);
  const failed = sid === undefined ? undefined : (await ports.store.readState(sid))?.failedUpdate;
  const reverts = failed?.from === fingerprint(event.ResourceProperties) && failed.to === fingerprint(event.OldResourceProperties ?? {});
  return reverts && failed.from !== failed.to ? failed : undefined;
}
