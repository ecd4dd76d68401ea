import {
  Annotations,
  CfnResource,
  CustomResource,
  Duration,
  Reference,
  Tokenization,
} from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as customresources from 'aws-cdk-lib/custom-resources';
import { Construct, Dependable, type IDependable } from 'constructs';
import {
  ENVIRONMENT,
  PRECHECK_RESOURCE_TYPE,
  REGISTRATION_ATTRIBUTES,
  REGISTRATION_PROPERTIES,
  REGISTRATION_RESOURCE_TYPE,
} from '../core/names';
import type { RotationEvent } from '../core/registration/rotate';
import type { PostbackFields } from './fields';
import { BundledFunction, functionLogGroup, functionRole } from './private/bundled-function';
import {
  durationProblem,
  knownDurationProblem,
  type Problem,
  rangeProblem,
  rejectProblems,
  sidProblem,
  tokenUnitProblem,
} from './private/checks';
import {
  checkCredentialsLocation,
  credentialsId,
  credentialsProblem,
  grantReadCredentials,
  grantRotateSecret,
} from './private/credentials';
import { type FunctionUrls, urlVariables } from './private/function-urls';
import { OwnPolicy } from './private/own-policy';
import type { Publisher } from './publisher';

const PROPERTY_FORMAT_VERSION = '1';
/** Length of the generated secret: 43 letters and digits are 256 bits. */
const URL_SECRET_LENGTH = 43;
/** If the handler dies, CloudFormation would wait for an hour. */
const SERVICE_TIMEOUT = Duration.minutes(12);

export interface RegistrationProviderProps {
  readonly stateTable: dynamodb.ITable;
  readonly urls: FunctionUrls;
  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;
  /** Whether X-Ray records invocations. @default false */
  readonly tracing?: boolean;
}

/**
 * The function behind all registrations of one installation, and CDK's provider framework in front
 * of it.
 */
export class RegistrationProvider extends Construct {
  /** The function that talks to Rakuten. */
  public readonly function: BundledFunction;

  /** @internal */
  public readonly _serviceToken: string;

  private last?: InTurn;

  constructor(scope: Construct, id: string, props: RegistrationProviderProps) {
    super(scope, id);
    this.function = new BundledFunction(this, 'Function', {
      bundle: 'registration',
      description: 'Registers, updates and deletes the postback URL at Rakuten',
      // The self-test waits up to two minutes for a fresh API, and Rakuten may ask for patience;
      // the handler answers well before this.
      timeout: Duration.minutes(10),
      environment: {
        [ENVIRONMENT.stateTableName]: props.stateTable.tableName,
        ...urlVariables(props.urls),
      },
      logRetention: props.logRetention,
      tracing: props.tracing,
    });
    this.function.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
        resources: [props.stateTable.tableArn],
      }),
    );
    const providerLogs = functionLogGroup(this, 'ProviderLogs', props.logRetention);
    const provider = new customresources.Provider(this, 'Provider', {
      onEventHandler: this.function,
      logGroup: providerLogs,
      frameworkOnEventRole: functionRole(this, 'ProviderRole', providerLogs),
    });
    this._serviceToken = provider.serviceToken;
  }

  /**
   * Orders the custom resources: first all prechecks, then all registrations, each after the
   * previous.
   *
   * Each occupies two functions at once, and a new account has a Lambda concurrency of 10.
   *
   * @internal
   */
  public _runInTurn(next: InTurn): void {
    if (this.last === undefined) {
      next.registration.node.addDependency(this.lastPrecheck());
    } else {
      next.precheck.node.addDependency(this.last.precheck);
      next.registration.node.addDependency(this.last.registration);
    }
    this.last = next;
  }

  /** Resolved in synthesis, as publishers may be added until then. */
  private lastPrecheck(): IDependable {
    const roots = (): Construct[] => (this.last === undefined ? [] : [this.last.precheck]);
    const dependable: IDependable = {};
    Dependable.implement(dependable, {
      get dependencyRoots() {
        return roots();
      },
    });
    return dependable;
  }
}

/** The custom resources of one publisher. */
interface InTurn {
  readonly precheck: CustomResource;
  readonly registration: CustomResource;
}

export interface RegistrationProps {
  readonly provider: RegistrationProvider;
  readonly publisher: Publisher;
  readonly fields: PostbackFields;
  /** URL of the endpoint, without a query string. */
  readonly endpointUrl: string;
  /** Whether no earlier deployment can have registered that URL. */
  readonly endpointIsNew: boolean;
  /** Base URL of Rakuten's API. */
  readonly rakutenApiUrl: string;
  /** Whether the endpoint is proven where the publisher does not say. */
  readonly selfTestByDefault: boolean;
  /** @default - on demand only */
  readonly rotateUrlSecretEvery?: Duration;
  /** What must stand before the URL is registered, and must not go before it is given up. */
  readonly receivingSide: readonly IDependable[];
}

/**
 * A publisher's postback at Rakuten: the generated secret in its URL, and the custom resource that
 * keeps the slot as the template says.
 */
export class Registration extends Construct {
  /**
   * The generated secret that Rakuten sends back in every postback, as part of the registered URL.
   */
  public readonly urlSecret: secretsmanager.Secret;

  /**
   * Checks the credentials and the slot once, before anything that outlives the stack is created.
   *
   * A first deployment that cannot register then leaves nothing behind. Updates check nothing.
   */
  public readonly precheck: CustomResource;

  /** What the deployment left at Rakuten, in words, for example `registered, active`. */
  public readonly status: string;

  constructor(scope: Construct, id: string, props: RegistrationProps) {
    super(scope, id);
    const { publisher, provider, fields } = props;
    rejectProblems(this, [sidProblem(publisher.sid), credentialsProblem(publisher)]);
    checkCredentialsLocation(this, publisher);
    rejectProblems(this, [
      limitProblem(publisher.acknowledgementLimit),
      knownDurationProblem('rotateUrlSecretEvery', props.rotateUrlSecretEvery),
      durationProblem(
        'rotateUrlSecretEvery',
        props.rotateUrlSecretEvery,
        Duration.days(1),
        Duration.days(365),
      ),
    ]);
    for (const { id: warning, message } of fields._warnings()) {
      Annotations.of(this).addWarningV2(`cdk-rakuten-postback:${warning}`, message);
    }

    this.urlSecret = new secretsmanager.Secret(this, 'UrlSecret', {
      description: `Secret in the postback URL that is registered at Rakuten for SID ${publisher.sid}`,
      generateSecretString: {
        excludePunctuation: true,
        includeSpace: false,
        passwordLength: URL_SECRET_LENGTH,
      },
    });
    grantRotateSecret(this.urlSecret, provider.function);
    const credentials = new OwnPolicy(this, 'SecretsPolicy', provider.function);
    grantReadCredentials(publisher, credentials);

    this.precheck = new CustomResource(this, 'Precheck', {
      resourceType: PRECHECK_RESOURCE_TYPE,
      serviceToken: provider._serviceToken,
      serviceTimeout: SERVICE_TIMEOUT,
      properties: {
        [REGISTRATION_PROPERTIES.formatVersion]: PROPERTY_FORMAT_VERSION,
        ...atRakuten(this, props),
        ...precheckedSlot(props),
      },
    });
    this.precheck.node.addDependency(provider, credentials.policy);

    const resource = new CustomResource(this, 'Resource', {
      resourceType: REGISTRATION_RESOURCE_TYPE,
      serviceToken: provider._serviceToken,
      serviceTimeout: SERVICE_TIMEOUT,
      properties: {
        [REGISTRATION_PROPERTIES.formatVersion]: PROPERTY_FORMAT_VERSION,
        ...atRakuten(this, props),
        [REGISTRATION_PROPERTIES.urlSecretArn]: this.urlSecret.secretArn,
        [REGISTRATION_PROPERTIES.endpointUrl]: props.endpointUrl,
        [REGISTRATION_PROPERTIES.fieldList]: JSON.stringify(fields._toFieldList()),
        [REGISTRATION_PROPERTIES.enabled]: String(publisher.enabled ?? true),
        [REGISTRATION_PROPERTIES.onRemoval]: publisher.onRemoval ?? '',
        [REGISTRATION_PROPERTIES.selfTest]: String(publisher.selfTest ?? props.selfTestByDefault),
        [REGISTRATION_PROPERTIES.acknowledgementLimitMillis]:
          publisher.acknowledgementLimit?.toMilliseconds(),
      },
    });
    provider._runInTurn({ precheck: this.precheck, registration: resource });
    // Rakuten sends once and never again, so the URL is registered when everything that receives
    // stands.
    resource.node.addDependency(...props.receivingSide);
    // The function needs its permissions before, and again when this publisher leaves the stack.
    resource.node.addDependency(provider, credentials.policy);
    this.status = resource.getAttString(REGISTRATION_ATTRIBUTES.status);
    if (props.rotateUrlSecretEvery !== undefined)
      this.scheduleRotation(props, props.rotateUrlSecretEvery, resource);
  }

  private scheduleRotation(
    { provider, publisher }: RegistrationProps,
    interval: Duration,
    registered: IDependable,
  ): void {
    const event: RotationEvent = { operation: 'rotate-secret', sid: publisher.sid };
    const rule = new events.Rule(this, 'RotationSchedule', {
      description: 'Puts a new secret into the postback URL at Rakuten',
      schedule: events.Schedule.rate(interval),
      // A run that is tried again goes on where the one before ended.
      targets: [
        new targets.LambdaFunction(provider.function, {
          event: events.RuleTargetInput.fromObject(event),
        }),
      ],
    });
    rule.node.addDependency(registered);
  }
}

/** Which slot at Rakuten, and how to use it. */
function atRakuten(
  scope: Construct,
  { publisher, rakutenApiUrl }: RegistrationProps,
): Record<string, string | undefined> {
  return {
    [REGISTRATION_PROPERTIES.sid]: publisher.sid,
    [REGISTRATION_PROPERTIES.credentialsSecretArn]: credentialsId(scope, publisher),
    [REGISTRATION_PROPERTIES.existingPostback]: publisher.existingPostback ?? 'FAIL',
    [REGISTRATION_PROPERTIES.rakutenApiUrl]: rakutenApiUrl,
  };
}

/**
 * What the precheck needs to know a URL of this endpoint in the slot.
 *
 * It must not wait for an API or domain of the stack, which may wait for the table. The slot is
 * then left to the registration.
 */
function precheckedSlot({ endpointUrl, endpointIsNew }: RegistrationProps): Record<string, string> {
  const { tokens } = Tokenization.reverseString(endpointUrl);
  const waits = tokens.some(
    (token) => Reference.isReference(token) && CfnResource.isCfnResource(token.target),
  );
  if (!waits) return { [REGISTRATION_PROPERTIES.endpointUrl]: endpointUrl };
  return endpointIsNew ? {} : { [REGISTRATION_PROPERTIES.existingPostback]: 'REPLACE' };
}

function limitProblem(limit: Duration | undefined): Problem {
  const name = 'acknowledgementLimit';
  return (
    tokenUnitProblem(name, limit, 'millis') ??
    rangeProblem(`${name} in milliseconds`, limit?.toMilliseconds(), 50, 10_000)
  );
}
