import { REGISTRATION_PROPERTIES as P } from '../../core/names';
import { ALL_FIELDS, type FieldList } from '../../core/rakuten/postback/fields';
import { handleRegistrationEvent, type RegistrationEvent } from '../../core/registration/events';
import type { RegistrationPorts } from '../../core/registration/ports';
import { type RotationPorts, rotateUrlSecret } from '../../core/registration/rotate';
import type { SecretVersion, SecretVersions } from '../../core/state/publisher-state';
import { DynamoWatchStore } from '../../core/status-watch/watch-store';
import type { Random } from '../../fake-rakuten/random';
import { MortalClient } from './dynamodb';
import { ENDPOINT_URL } from './endpoint';
import { RAKUTEN_API_URL, RAKUTEN_CREDENTIALS } from './rakuten';
import { SID, TABLES } from './settings';
import type { World } from './world';

const MINUTE = 60_000;
const CREDENTIALS_SECRET = 'rakuten/api';
const URL_SECRET = 'url-secret';
/** Of the registration function. */
const TIMEOUT_MILLIS = 8 * MINUTE;
/** Part of the requests for which CloudFormation's framework invokes the function twice. */
const INVOKED_TWICE = 0.3;

/** The secret that goes into the URL, with its versions. */
class UrlSecret implements SecretVersions {
  /** Every value that it ever had, the oldest first. */
  public readonly values: string[] = [];
  private currentVersion: SecretVersion;
  private pendingVersion: SecretVersion | undefined;
  private readonly savedTexts: string[] = [];

  public constructor(private readonly random: Random) {
    this.currentVersion = this.version(this.newValue());
  }

  public newValue(): string {
    return `k${this.random.hex(42)}`;
  }

  public async current(): Promise<SecretVersion> {
    return this.currentVersion;
  }

  public async pending(): Promise<SecretVersion | undefined> {
    return this.pendingVersion;
  }

  public async addPending(_secret: string, text: string): Promise<SecretVersion> {
    this.pendingVersion = this.version(text);
    return this.pendingVersion;
  }

  public async promote(_secret: string, pending: SecretVersion): Promise<void> {
    this.currentVersion = pending;
  }

  /** The URLs of others. They never become the current value. */
  public save(text: string): string {
    this.savedTexts.push(text);
    return `saved-${this.savedTexts.length - 1}`;
  }

  public saved(versionId: string): string {
    return this.savedTexts[Number(versionId.slice('saved-'.length))] ?? '';
  }

  private version(text: string): SecretVersion {
    this.values.push(text);
    return { id: `version-${this.values.length}`, text };
  }
}

/** The deployed stack, and what CloudFormation and an operator do with it. */
export class Installation {
  public fields: FieldList = ALL_FIELDS;
  public readonly urlSecret: UrlSecret;
  private isDeployed = false;
  private requests = 0;

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {
    this.urlSecret = new UrlSecret(random);
  }

  /**
   * Deploys the stack with these fields. Another resource may fail after the registration, and the
   * function may be killed. Then the stack is rolled back, repeatedly if necessary. Resolves with
   * whether the new template is deployed.
   */
  public async deploy(
    fields: FieldList,
    { anotherResourceFails = false, isKilled = false, onFailedRollback = () => {} } = {},
  ): Promise<boolean> {
    const { clock } = this.world;
    const [old, wanted] = [this.properties(this.fields), this.properties(fields)];
    try {
      await this.request(this.isDeployed ? 'Update' : 'Create', wanted, old, isKilled);
      if (anotherResourceFails) throw new Error('another resource of the stack failed');
      this.fields = fields;
      this.isDeployed = true;
      return true;
    } catch (error) {
      if (!this.isDeployed) throw error;
      for (;;) {
        await clock.sleep(20_000 + this.random.next() * 3 * MINUTE);
        try {
          await this.request('Update', old, wanted, false);
          return false;
        } catch {
          // The stack is stuck (UPDATE_ROLLBACK_FAILED) until an operator continues the rollback.
          onFailedRollback();
          await clock.sleep((0.5 + this.random.next()) * 60 * MINUTE);
        }
      }
    }
  }

  /** Rotates the URL secret. Rejects on failure; the next rotation continues it. */
  public rotate(isKilled = false): Promise<unknown> {
    return this.invoke(isKilled, (ports, endUntil) =>
      rotateUrlSecret(ports, { operation: 'rotate-secret', sid: SID }, endUntil),
    );
  }

  /**
   * The ports of a function.
   *
   * When the process of its client ends, none of its calls goes out any more.
   */
  public ports(client: MortalClient): RotationPorts & { readonly store: DynamoWatchStore } {
    const { clock, endpoint, rakuten } = this.world;
    return {
      store: new DynamoWatchStore(client, TABLES.state),
      readSecret: async (id, versionId) =>
        versionId === undefined ? this.readSecret(id) : this.urlSecret.saved(versionId),
      saveSecretVersion: async (_id, text) => this.urlSecret.save(text),
      urls: { rakutenApiUrl: RAKUTEN_API_URL, endpointUrl: ENDPOINT_URL },
      send: async (request) => {
        client.checkAlive();
        return rakuten.send(request);
      },
      probe: async (url, timeoutMillis) => {
        client.checkAlive();
        return endpoint.get(url, timeoutMillis);
      },
      clock,
      randomId: () => this.randomId(),
      log: () => {},
      versions: this.urlSecret,
      newSecret: () => this.urlSecret.newValue(),
    };
  }

  public readSecret(id: string): Promise<string> {
    return id === URL_SECRET
      ? this.urlSecret.current().then(({ text }) => text)
      : Promise.resolve(JSON.stringify(RAKUTEN_CREDENTIALS));
  }

  public randomId(): string {
    const hex = this.random.hex(32).toLowerCase();
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /**
   * A CloudFormation request.
   *
   * The framework may invoke the function a second time, after or during the first.
   */
  private async request(
    RequestType: RegistrationEvent['RequestType'],
    ResourceProperties: RegistrationEvent['ResourceProperties'],
    OldResourceProperties: RegistrationEvent['ResourceProperties'],
    isKilled: boolean,
  ): Promise<void> {
    const { random } = this;
    const { clock } = this.world;
    this.requests += 1;
    const event: RegistrationEvent = {
      RequestType,
      RequestId: `request-${this.requests}`,
      StackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/campaign/1',
      LogicalResourceId: 'Registration',
      ResourceProperties,
      ...(RequestType === 'Create'
        ? {}
        : { PhysicalResourceId: `rakuten-postback-${SID}`, OldResourceProperties }),
    };
    const handle = (kill: boolean): Promise<unknown> =>
      this.invoke(kill, (ports, endUntil) =>
        handleRegistrationEvent(ports as RegistrationPorts, event, endUntil),
      );
    if (random.chance(INVOKED_TWICE)) {
      // The response of the other one is ignored.
      clock.spawn(async () => {
        await clock.sleep(random.next() * MINUTE);
        await handle(false).catch(() => {});
      });
    }
    try {
      await handle(isKilled);
    } catch (error) {
      if (!isKilled) throw error;
      await handle(false);
    }
  }

  /** One invocation of the registration function. A killed one makes a few calls and ends. */
  private async invoke<T>(
    isKilled: boolean,
    work: (ports: RotationPorts, endUntil: number) => Promise<T>,
  ): Promise<T> {
    const { clock, dynamodb } = this.world;
    const client = new MortalClient(dynamodb);
    if (isKilled) void client.dieAfter(this.random.integer(3, 40));
    return work(this.ports(client), clock.now() + TIMEOUT_MILLIS);
  }

  private properties(fields: FieldList): Record<string, unknown> {
    return {
      ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:provider',
      [P.formatVersion]: '1',
      [P.sid]: SID,
      [P.credentialsSecretArn]: CREDENTIALS_SECRET,
      [P.urlSecretArn]: URL_SECRET,
      [P.endpointUrl]: ENDPOINT_URL,
      [P.fieldList]: JSON.stringify(fields),
      [P.enabled]: 'true',
      [P.existingPostback]: this.world.existingPostback,
      [P.onRemoval]: '',
      [P.rakutenApiUrl]: RAKUTEN_API_URL,
      [P.selfTest]: 'true',
    };
  }
}
