import {
  CloudFormationClient,
  type Output,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Redactor } from '../../core/rakuten/api/redact';
import type { RegistrationPorts } from '../../core/registration/ports';
import type { PublisherState } from '../../core/state/publisher-state';
import { readPublisherStates } from '../../core/state/publishers';
import type { CommandContext } from '../command';
import { CheckSkippedError } from '../errors';
import {
  type AwsConfig,
  type Installation,
  type ResourceName,
  type Service,
  severalConstructs,
} from '../installation';
import { localPorts, registrationPorts, type SidOptions } from '../registration';
import { describeOutputs } from '../stack';
import { listResources } from '../stack-resources';

export type DoctorContext = CommandContext<SidOptions>;

/** A publisher that is, or was by hand un-, registered. */
export type KnownPublisher = PublisherState & { readonly wanted: Readonly<Record<string, string>> };

/** A service that does not answer is a finding; it must not keep the others waiting. */
const PATIENCE = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 8000, throwOnRequestTimeout: true },
} satisfies Pick<DynamoDBClientConfig, 'maxAttempts' | 'requestHandler'>;

export type CheckConfig = AwsConfig & typeof PATIENCE;

/**
 * What the checks look with. What several of them need is looked up once; only the check that it
 * belongs to tells why it failed.
 */
export class Examination {
  /** Knows what must not be shown. */
  readonly redactor = new Redactor();
  /** Set as soon as it is known. */
  accountId: string | undefined;
  private readonly shared = new Map<string, Promise<unknown>>();

  constructor(readonly context: DoctorContext) {}

  now(): number {
    return this.context.terminal.now().getTime();
  }

  /** Looks something up the first time that it is asked for. */
  once<T>(name: string, look: () => Promise<T>): Promise<T> {
    const known = this.shared.get(name) as Promise<T> | undefined;
    const looking = known ?? look();
    if (known === undefined) this.shared.set(name, looking);
    return looking;
  }

  async installation(): Promise<Installation> {
    try {
      return await this.context.installation();
    } catch {
      throw new CheckSkippedError('not looked at, as the stack could not be read');
    }
  }

  /** A resource of the installation. */
  async resource(name: ResourceName, output: string): Promise<string> {
    const { resources, constructs = [] } = await this.installation();
    const value = resources[name];
    if (value !== undefined && value !== '') return value;
    if (constructs.length > 1)
      throw new CheckSkippedError(
        `not looked at, as the stack has ${severalConstructs(constructs)}`,
      );
    throw new CheckSkippedError(
      `not looked at, as it is not found in the stack, and there is no output ${output}`,
    );
  }

  async aws(service: Service): Promise<CheckConfig> {
    return { ...(await this.installation()).aws(service), ...PATIENCE };
  }

  /** For what does not depend on a stack being there. */
  callersAws(): CheckConfig {
    const { region, profile } = this.context.options;
    return { region, profile, ...PATIENCE };
  }

  dynamodb(): Promise<DynamoDBClient> {
    return this.once('dynamodb', async () => new DynamoDBClient(await this.aws('dynamodb')));
  }

  /**
   * What the registration works with. Needs to know where the deployed function may send secrets.
   */
  async ports(): Promise<RegistrationPorts> {
    await this.installation();
    const ports = await this.once('ports', () => registrationPorts(this.context));
    return { ...ports, readSecret: this.readSecret };
  }

  /** The text of a secret, which is masked from then on. */
  readonly readSecret = async (id: string): Promise<string> => {
    await this.installation();
    const ports = await this.once('local ports', () => localPorts(this.context));
    return this.once(`secret ${id}`, async () => this.keepSecret(await ports.readSecret(id)));
  };

  /**
   * The publishers, or the one that was asked for, as the state table has them. Throws what reading
   * it throws: the check of the publishers tells it.
   */
  async readPublishers(): Promise<readonly KnownPublisher[]> {
    const tableName = await this.resource('stateTableName', 'StateTableName');
    const states = await this.once('states', async () =>
      readPublisherStates(await this.dynamodb(), tableName),
    );
    const { sid } = this.context.options;
    return states.flatMap((state): KnownPublisher[] => {
      const wanted = state.properties ?? state.setAside;
      return wanted === undefined || (sid !== undefined && state.sid !== sid)
        ? []
        : [{ ...state, wanted }];
    });
  }

  /** The same for the checks that build on it. */
  async publishers(): Promise<readonly KnownPublisher[]> {
    const publishers = await this.readPublishers().catch((error: unknown) => {
      if (error instanceof CheckSkippedError) throw error;
      throw new CheckSkippedError(
        'not looked at, as it could not be read which publishers there are',
      );
    });
    if (publishers.length === 0)
      throw new CheckSkippedError('not looked at, as no publisher is registered');
    return publishers;
  }

  /** The queue's ARN, by which others know it. */
  queueArn(): Promise<string> {
    return this.once('queue', async () => {
      const client = new SQSClient(await this.aws('sqs'));
      const QueueUrl = await this.resource('queueUrl', 'QueueUrl');
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
      );
      return Attributes?.QueueArn ?? '';
    });
  }

  /** Names of the stack's resources of these types. */
  async stackResources(types: readonly string[]): Promise<string[]> {
    const summaries = await this.stackSummaries();
    return summaries
      .filter(({ ResourceType = '' }) => types.includes(ResourceType))
      .flatMap(({ PhysicalResourceId }) => PhysicalResourceId ?? []);
  }

  /** Everything in the stack. */
  stackSummaries(): Promise<StackResourceSummary[]> {
    return this.once('summaries', async () => {
      const client = new CloudFormationClient(await this.aws('cloudFormation'));
      return listResources(client, await this.stackName());
    });
  }

  /** The outputs of the stack and its nested stacks. */
  stackOutputs(): Promise<Output[]> {
    return this.once('outputs', async () => {
      const client = new CloudFormationClient(await this.aws('cloudFormation'));
      const nested = await this.stackResources(['AWS::CloudFormation::Stack']);
      const outputs = await Promise.all(
        [await this.stackName(), ...nested].map((name) => describeOutputs(client, name)),
      );
      return outputs.flat();
    });
  }

  async stackName(): Promise<string> {
    return (await this.installation()).name.replace(/^stack /, '').split(', ', 1)[0] ?? '';
  }

  private keepSecret(text: string): string {
    this.redactor.add(text);
    try {
      for (const value of Object.values(JSON.parse(text) as object))
        if (typeof value === 'string') this.redactor.add(value);
    } catch {
      // Not JSON: one value.
    }
    return text;
  }
}
