import { REGISTRATION_PROPERTIES as P, URL_PARAMETERS } from '../../core/names';
import { ALL_FIELDS, type FieldList } from '../../core/rakuten/postback/fields';
import { postbackUrl } from '../../core/rakuten/postback/url';
import { DynamoRegistrationStore } from '../../core/registration/registration-store';
import type { PublisherState } from '../../core/state/publisher-state';
import { Publishers } from '../../core/state/publishers';
import type { LocalFunction } from '../../local/lambda/local-function';
import { STATE_TABLE, URL_SECRET } from './names';
import { type FaultPlan, isRakutenGone } from './proxy';
import {
  cloudFormationRequest,
  type Endpoint,
  endLease,
  type Properties,
  propertiesOf,
  type RequestType,
  startEndpoint,
} from './publisher';
import { type Case, messageOf } from './scenario';
import type { World } from './world';

/** As deployed. */
const TIMEOUT_SECONDS = 600;
/** The function divides whatever time it has. If Rakuten never comes back, it uses all of it. */
const HURRIED_SECONDS = 150;

/** Slot, endpoint and function of one registration, and the requests of CloudFormation. */
export class Stack {
  private requests = 0;

  private constructor(
    readonly world: World,
    readonly sid: string,
    private readonly serial: number,
    private readonly endpoint: Endpoint,
    private readonly registration: LocalFunction,
  ) {}

  static async begin(world: World, serial: number, plan?: FaultPlan): Promise<Stack> {
    await world.forgetAll();
    const endpoint = await startEndpoint(world.clients.dynamodb, STATE_TABLE);
    const registration = world.fresh(
      'registration',
      isRakutenGone(plan) ? HURRIED_SECONDS : TIMEOUT_SECONDS,
    );
    return new Stack(world, String(4_000_000 + serial), serial, endpoint, registration);
  }

  properties(changes: Properties = {}): Properties {
    // The speed of this machine is not what this checks.
    return propertiesOf(this.sid, this.endpoint.url, this.world.rakutenUrl, {
      [P.acknowledgementLimitMillis]: '10000',
      ...changes,
    });
  }

  /** A request of CloudFormation. Returns the status that the resource reports. */
  async request(type: RequestType, properties: Properties, old?: Properties): Promise<string> {
    this.requests += 1;
    const request = cloudFormationRequest(
      type,
      `request-${this.serial}-${this.requests}`,
      properties,
      old,
    );
    const answer = (await this.registration.invoke(request)) as { Data?: { Status?: string } };
    return answer.Data?.Status ?? 'removed';
  }

  invoke(event: object): Promise<unknown> {
    return this.registration.invoke(event);
  }

  /** As after the time for which the lease of a killed run keeps others waiting. */
  async endLease(): Promise<void> {
    await endLease(this.world.clients.dynamodb, STATE_TABLE, this.sid);
  }

  get slot(): { readonly url: string; readonly active: boolean } | undefined {
    return this.world.rakuten.slot(this.sid);
  }

  /** Whether the slot has our URL with these fields, enabled. */
  holds(fields: FieldList = ALL_FIELDS, secret = URL_SECRET): boolean {
    return (
      this.slot?.active === true && this.slot.url === postbackUrl(this.endpoint.url, secret, fields)
    );
  }

  state(): Promise<PublisherState | undefined> {
    return new DynamoRegistrationStore(this.world.clients.dynamodb, STATE_TABLE).readState(
      this.sid,
    );
  }

  /** Empty while a postback would be accepted and read by the right fields. */
  async lostPostbacks(): Promise<string[]> {
    if (this.slot === undefined) return ['the slot is empty'];
    const query = new URL(this.slot.url).searchParams;
    const fieldList = query.get(URL_PARAMETERS.fieldList) ?? '';
    const publishers = await Publishers.read(this.world.clients.dynamodb, STATE_TABLE);
    const recognised = publishers.recognise(
      query.get(URL_PARAMETERS.secret) ?? '',
      fieldList,
      new Date(),
    );
    return recognised?.fieldListId === fieldList
      ? []
      : ['postbacks to the URL in the slot would be rejected'];
  }

  async close(): Promise<void> {
    this.world.rakuten.setSlot(this.sid, undefined);
    await Promise.all([this.registration.close(), this.endpoint.close()]);
  }
}

interface StackCase extends Pick<Case, 'act' | 'wrongInTheEnd'> {
  /** @param failure how the invocation failed, in words of the tables */
  wrongAtOnce(failure: string | undefined): Promise<readonly string[]>;
  /** What follows a failed invocation. */
  recover(): Promise<unknown>;
}

/** A case of a stack whose invocation may fail. */
export function caseOf(
  stack: Stack,
  { act, wrongAtOnce, recover, wrongInTheEnd }: StackCase,
): Case {
  let failure: string | undefined;
  return {
    act: () =>
      act().catch((error: unknown) => {
        failure = failureInWords(error);
        return failure;
      }),
    wrongAtOnce: () => wrongAtOnce(failure),
    recover: async () => {
      await stack.endLease();
      if (failure !== undefined) await recover();
    },
    wrongInTheEnd,
    close: () => stack.close(),
  };
}

export const MAY_HOLD_OURS = 'fails, and reports the next step and that the slot may hold our URL';

/** How a request that failed ended, in words of the tables. */
export function failureInWords(error: unknown): string {
  const message = messageOf(error);
  if (/cloudformation-answer-url/.test(message))
    return "fails, and leaks CloudFormation's answer URL";
  if (/timed out after|the process ended/.test(message)) return 'is cut off';
  if (/may hold our URL/.test(message)) return MAY_HOLD_OURS;
  return /Next step: /.test(message)
    ? 'fails, and reports the next step'
    : 'fails without a next step';
}
