import { sha256 } from '../sha256';
import type { PublisherState } from '../state/publisher-state';
import type { LeasedPorts, ReadingPorts } from './ports';
import { PropertyError, parseProperties, sidOf } from './properties';
import { emptyState } from './state';

/** The properties of an update, as CloudFormation sends them. */
interface UpdateProperties {
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

/** Our properties only, in a stable order. */
const fingerprint = (properties: Readonly<Record<string, unknown>>): string => {
  const own = Object.entries(properties).filter(
    ([name]) => name !== 'ServiceToken' && name !== 'ServiceTimeout',
  );
  return sha256(JSON.stringify(own.map(([name, value]) => [name, String(value)]).sort()));
};

/** Written to the state of the SID that the reverting update will be about: the old one. */
export async function rememberFailedUpdate(
  event: UpdateProperties,
  slotUntouched: boolean,
  log: LeasedPorts['log'],
  withLeaseOf: (sid: string, work: (leased: LeasedPorts) => Promise<void>) => Promise<void>,
): Promise<void> {
  const old = event.OldResourceProperties ?? {};
  const sid = sidOf(old);
  if (sid === undefined) return;
  const failedUpdate = {
    from: fingerprint(old),
    to: fingerprint(event.ResourceProperties),
    slotUntouched,
  };
  try {
    await withLeaseOf(sid, async ({ store }) =>
      store.writeState({ ...((await store.readState(sid)) ?? emptyState(sid)), failedUpdate }),
    );
  } catch (error) {
    // The error that made the update fail is the one to report.
    log('failed update not remembered', { sid, reason: (error as Error).name });
  }
}

/**
 * The failed update that this one takes back, if it does. A failure that could not be remembered
 * shows all the same: what this one wants is what was registered last, and what CloudFormation
 * takes for the state before never was.
 */
export async function failedUpdateThatThisReverts(
  { store }: Pick<ReadingPorts, 'store'>,
  event: UpdateProperties,
): Promise<{ readonly slotUntouched: boolean } | undefined> {
  const { ResourceProperties: wanted, OldResourceProperties: old = {} } = event;
  const sid = sidOf(wanted);
  const state = sid === undefined ? undefined : await store.readState(sid);
  const [from, to] = [fingerprint(wanted), fingerprint(old)];
  if (state === undefined || from === to) return undefined;
  if (state.failedUpdate?.from === from && state.failedUpdate.to === to) return state.failedUpdate;
  const neverStood = isRegistered(wanted, state) && !isRegistered(old, state) && sidOf(old) === sid;
  return neverStood ? { slotUntouched: state.unsettled !== true } : undefined;
}

function isRegistered(
  properties: Readonly<Record<string, unknown>>,
  { properties: registered }: PublisherState,
): boolean {
  if (registered === undefined) return false;
  try {
    return fingerprint(parseProperties(properties).raw) === fingerprint(registered);
  } catch (error) {
    // What cannot be read was never registered.
    if (error instanceof PropertyError) return false;
    throw error;
  }
}
