import { UserError } from '../errors';
import { REGISTRATION_ATTRIBUTES, REGISTRATION_ID_PREFIX } from '../names';
import { Redactor } from '../rakuten/api/redact';
import type { LeaseStore } from '../state/lease';
import { withAllowedUrls } from './allowed-urls';
import { failedUpdateThatThisReverts, rememberFailedUpdate } from './failed-update';
import { retryWhileDenied, SlotBusyError, withFreshPermissions, withLease } from './lease';
import type { LeasedPorts, RegistrationPorts, RequestOutcome } from './ports';
import { type Desired, PropertyError, parseProperties, sidOf } from './properties';
import { type Registered, register } from './register';
import { openRun } from './run';
import { sanitizeError, toUserError, withSentence } from './sanitize-error';
import { givenUp, otherOwners } from './state';
import { RegistrationFailure } from './undo';
import { unregister } from './unregister';

/** A request of CloudFormation, as CDK's provider framework hands it on. */
export interface RegistrationEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResourceType?: string;
  readonly RequestId: string;
  readonly StackId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

export interface RegistrationAnswer {
  readonly PhysicalResourceId: string;
  /** Attributes for `Fn::GetAtt`: nothing secret, nothing of Rakuten's answers. */
  readonly Data: Readonly<Record<string, string>>;
}

interface Request {
  readonly installation: RegistrationPorts;
  readonly event: RegistrationEvent;
  readonly endUntil: number;
  readonly redactor: Redactor;
}

interface Context extends Request {
  readonly ports: LeasedPorts;
}

/** What a registration keeps of its time for putting things back when it fails. */
const UNDO_RESERVE_MILLIS = 75_000;
const REMOVAL_RESERVE_MILLIS = 5_000;
/**
 * A repetition of a request waits for the first run almost to its own end, as it only needs the
 * answer.
 */
const REPEAT_RESERVE_MILLIS = 5_000;
/** From here on the time until the lease was there counts as waiting for another run. */
const WAITED_MILLIS = 2_000;
/** What must be left to begin the work after that. */
const WORK_RESERVE_MILLIS = 120_000;

export const physicalIdOf = (sid: string): string => REGISTRATION_ID_PREFIX + sid;

/**
 * Does what a CloudFormation request asks, in whatever order requests come: twice, at once, after a
 * failure, after an interruption. `endUntil` (milliseconds since 1970) is when the answer must be
 * there. Throws an error whose message may be shown.
 */
export async function handleRegistrationEvent(
  ports: RegistrationPorts,
  event: RegistrationEvent,
  endUntil: number,
): Promise<RegistrationAnswer> {
  const redactor = new Redactor();
  try {
    return await handle({ installation: ports, event, endUntil, redactor });
  } catch (error) {
    ports.log('request failed', { requestType: event.RequestType, reason: (error as Error).name });
    throw failureOf(error, event, redactor);
  }
}

async function handle(request: Request): Promise<RegistrationAnswer> {
  const { event, installation, endUntil } = request;
  const sid = sidOf(event.ResourceProperties);
  if (sid === undefined) return withoutSid(request);
  const askedAt = installation.clock.now();
  // A deletion that is denied must not wait: nothing was granted for it.
  const isPatient = event.RequestType !== 'Delete';
  const acquireLease: LeaseStore['acquireLease'] = (...args) =>
    installation.store.acquireLease(...args);
  const acquire = isPatient ? retryWhileDenied(installation)(acquireLease) : acquireLease;
  const work = async (leased: LeasedPorts): Promise<RegistrationAnswer> => {
    const known = await leased.store.readOutcome(event.RequestId);
    if (known !== undefined) return repeat(known);
    const now = leased.clock.now();
    if (now - askedAt > WAITED_MILLIS && now > endUntil - WORK_RESERVE_MILLIS)
      throw new SlotBusyError(sid, 'it ended too late for this one to begin');
    const inLease = { ...request, ports: leased };
    try {
      const answer = await HANDLERS[event.RequestType](inLease, sid);
      await remember(inLease, {
        succeeded: true,
        physicalResourceId: answer.PhysicalResourceId,
        data: answer.Data,
      });
      return answer;
    } catch (error) {
      // Whoever took over decides how this request ends.
      if (!(error instanceof SlotBusyError)) {
        await remember(inLease, {
          succeeded: false,
          message: failureOf(error, event, request.redactor).message,
        });
      }
      throw error;
    }
  };
  return withLease(
    installation,
    sid,
    endUntil - REPEAT_RESERVE_MILLIS,
    (leased) => work(isPatient ? withFreshPermissions(leased) : leased),
    acquire,
  );
}

const HANDLERS: Record<
  RegistrationEvent['RequestType'],
  (context: Context, sid: string) => Promise<RegistrationAnswer>
> = {
  Create: onCreate,
  Update: onUpdate,
  Delete: onDelete,
};

/** Without a publisher id nothing was or can be registered; a Delete must not fail for that. */
async function withoutSid(request: Request): Promise<RegistrationAnswer> {
  const { event } = request;
  if (event.RequestType === 'Update') await rememberFailure(request, true);
  if (event.RequestType !== 'Delete') parseProperties(event.ResourceProperties);
  return { PhysicalResourceId: event.PhysicalResourceId ?? physicalIdOf('none'), Data: {} };
}

async function onCreate(context: Context): Promise<RegistrationAnswer> {
  const desired = parseProperties(context.event.ResourceProperties);
  const registered = await registerDesired(context, desired, true);
  return { PhysicalResourceId: physicalIdOf(desired.sid), Data: attributes(registered) };
}

async function onUpdate(context: Context, sid: string): Promise<RegistrationAnswer> {
  const { event, ports } = context;
  const old = event.OldResourceProperties ?? {};
  const oldSid = sidOf(old);
  const moved = oldSid !== undefined && oldSid !== sid;
  const failed = await failedUpdateThatThisReverts(ports, event);
  try {
    const desired = parseProperties(event.ResourceProperties);
    // The id must not change while the SID stays: CloudFormation would delete the "old" one, which
    // is the same slot.
    const physicalId = moved ? physicalIdOf(sid) : (event.PhysicalResourceId ?? physicalIdOf(sid));
    const state = await ports.store.readState(sid);
    const owned = state?.properties !== undefined && (state.owners ?? []).includes(ownerOf(event));
    // Back to a SID that was not given up yet: an update to another one is rolled back, because
    // another resource failed.
    const reverted = failed ?? (moved && owned ? { slotUntouched: true } : undefined);
    const data = await registerOrStay(context, desired, moved && !owned, reverted);
    if (moved && physicalId === event.PhysicalResourceId) await cleanUp(context, oldSid, old);
    return { PhysicalResourceId: physicalId, Data: data };
  } catch (error) {
    // What failed at another SID left the slot alone that the reverting update is about. Whoever
    // took over decides what this one was.
    const untouched = moved || !(error instanceof RegistrationFailure) || error.slotUntouched;
    if (!(error instanceof SlotBusyError)) await rememberFailure(context, untouched);
    throw error;
  }
}

/**
 * An update that takes back another one must not fail without need, or the stack is stuck: where
 * that one left the slot alone, the slot is already as the old template had it.
 */
async function registerOrStay(
  context: Context,
  desired: Desired,
  fresh: boolean,
  reverted: { readonly slotUntouched: boolean } | undefined,
): Promise<Record<string, string>> {
  try {
    return attributes(await registerDesired(context, desired, fresh));
  } catch (error) {
    const untouched = !(error instanceof RegistrationFailure) || error.slotUntouched;
    if (!reverted?.slotUntouched || !untouched || error instanceof SlotBusyError) throw error;
    const cause = error instanceof RegistrationFailure ? error.cause : error;
    context.ports.log('rolling back: the slot stays as it was before the failed update', {
      sid: desired.sid,
      reason: (cause as Error).name,
    });
    const state = await context.ports.store.readState(desired.sid);
    return attributes({
      status: 'as before the failed update, not verified',
      selfTest: state?.selfTest,
    });
  }
}

async function onDelete(context: Context, sid: string): Promise<RegistrationAnswer> {
  const { event } = context;
  await removeSid(context, sid, event.ResourceProperties);
  // After an update to another SID that failed, it is not documented which of the two the
  // properties name.
  const idSid = event.PhysicalResourceId?.startsWith(REGISTRATION_ID_PREFIX)
    ? event.PhysicalResourceId.slice(REGISTRATION_ID_PREFIX.length)
    : undefined;
  if (idSid !== undefined && idSid !== sid) await cleanUp(context, idSid, {});
  return { PhysicalResourceId: event.PhysicalResourceId ?? physicalIdOf(sid), Data: {} };
}

/**
 * Removes what this resource left at another SID. Only if the state says that it owns it, or that
 * its removal has not ended well.
 */
async function cleanUp(
  context: Context,
  sid: string,
  properties: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { installation, ports, event, endUntil } = context;
  const state = await ports.store.readState(sid);
  const owner = ownerOf(event);
  if (!(state?.owners ?? []).includes(owner) && state?.leaving?.owner !== owner) return;
  await withLease(installation, sid, endUntil - WORK_RESERVE_MILLIS / 2, (leased) =>
    removeSid({ ...context, ports: leased }, sid, properties),
  );
}

async function removeSid(
  context: Context,
  sid: string,
  properties: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { ports, event, endUntil, redactor } = context;
  const { store, log } = ports;
  const owner = ownerOf(event);
  const state = await store.readState(sid);
  const neverRegistered = (state?.accepted ?? []).length === 0;
  try {
    const desired =
      readable(properties) ??
      readable(state?.properties ?? state?.leaving?.properties ?? {}) ??
      parseProperties(properties);
    const others = state === undefined ? [] : otherOwners(state, owner);
    const stays = desired.onRemoval === 'RETAIN' || others.length > 0;
    const leaving = stays ? undefined : { owner, properties: desired.raw };
    if (state !== undefined) await store.writeState({ ...givenUp(state, owner), leaving });
    if (others.length > 0) log('kept, as another resource of the stack wants it', { sid });
    if (stays) return;
    const run = await openRun(ports, withAllowedUrls(ports.urls, desired), {
      endUntil,
      reserveMillis: REMOVAL_RESERVE_MILLIS,
      redactor,
      owner,
    });
    const removal = await unregister(run, desired.onRemoval);
    log('removal', { sid, removal });
  } catch (error) {
    // Whoever took over decides how this request ends.
    if (error instanceof SlotBusyError) throw error;
    if (neverRegistered) {
      log('nothing was ever registered, so nothing is removed', {
        sid,
        reason: (error as Error).name,
      });
      return;
    }
    const sentence =
      `The postback of SID ${sid} was not removed at Rakuten. To go on without removing it, ` +
      'delete the stack again and keep (retain) this resource.';
    throw new UserError({ ...withSentence(error, sentence), cause: error });
  }
}

async function registerDesired(
  { ports, event, endUntil, redactor }: Context,
  desired: Desired,
  fresh: boolean,
): Promise<Registered> {
  const [owner, request] = [ownerOf(event), event.RequestId];
  const run = await openRun(ports, desired, {
    endUntil,
    reserveMillis: UNDO_RESERVE_MILLIS,
    redactor,
    owner,
    request,
  });
  return register(run, fresh);
}

/** The state of the reverting update is that of the old SID, whose lease may be another one. */
function rememberFailure(request: Request | Context, slotUntouched: boolean): Promise<void> {
  const { installation, event, endUntil } = request;
  const leased = 'ports' in request ? request.ports : undefined;
  return rememberFailedUpdate(event, slotUntouched, installation.log, (sid, work) =>
    leased !== undefined && sid === sidOf(event.ResourceProperties)
      ? work(leased)
      : withLease(installation, sid, endUntil - REPEAT_RESERVE_MILLIS, work),
  );
}

function attributes(
  registered: Registered | { status: string; selfTest?: Registered['selfTest'] },
): Record<string, string> {
  const { selfTest } = registered;
  const status =
    'status' in registered
      ? registered.status
      : `registered, ${registered.active ? 'active' : 'switched off'}`;
  return {
    [REGISTRATION_ATTRIBUTES.status]: status,
    [REGISTRATION_ATTRIBUTES.selfTestP50Millis]:
      selfTest === undefined ? 'not measured' : String(selfTest.p50Millis),
    [REGISTRATION_ATTRIBUTES.selfTestMaxMillis]:
      selfTest === undefined ? 'not measured' : String(selfTest.maxMillis),
  };
}

/** The error as CloudFormation shows it. */
const failureOf = (
  error: unknown,
  { RequestType }: RegistrationEvent,
  redactor: Redactor,
): UserError =>
  sanitizeError(
    toUserError(
      error,
      `${RequestType === 'Delete' ? 'delete the stack' : 'deploy'} again; if it fails in the same way, look into the log of the registration function`,
    ),
    redactor,
  );

const ownerOf = ({ StackId, LogicalResourceId }: RegistrationEvent): string =>
  `${StackId}/${LogicalResourceId}`;

function readable(properties: Readonly<Record<string, unknown>>): Desired | undefined {
  try {
    return parseProperties(properties);
  } catch (error) {
    if (error instanceof PropertyError) return undefined;
    throw error;
  }
}

function repeat(outcome: RequestOutcome): RegistrationAnswer {
  // The stored text has its next step.
  if (!outcome.succeeded)
    throw new UserError({ name: 'Error', problem: outcome.message, nextStep: '' });
  return { PhysicalResourceId: outcome.physicalResourceId, Data: outcome.data };
}

async function remember({ ports, event }: Context, outcome: RequestOutcome): Promise<void> {
  try {
    await ports.store.writeOutcome(event.RequestId, outcome, ports.clock.now());
  } catch (error) {
    // The request has ended as it has; only its repetition will be worked through again.
    ports.log('outcome not remembered', { reason: (error as Error).name });
  }
}
