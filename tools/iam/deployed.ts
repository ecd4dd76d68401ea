import { createHash } from 'node:crypto';

export const ACCOUNT = '111122223333';
const PARTITION = 'aws';

export interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
  readonly Metadata?: { readonly 'aws:cdk:path'?: string };
}

/** A synthesized template and the region of its stack. */
export interface Template {
  readonly region: string;
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** A resource with every reference replaced by the name or ARN that AWS could give it. */
export interface DeployedResource {
  readonly type: string;
  /** Construct path, such as `CashBack/Postback/StateTable/Table`. */
  readonly path: string;
  readonly arn: string;
  readonly region: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is what it is
  readonly properties: any;
}

type Attributes = (
  id: string,
  arn: (service: string, resource: string) => string,
) => { readonly ref: string; readonly arn: string };

const digest = (id: string): string => createHash('sha256').update(id).digest('hex');
const keyId = (id: string): string =>
  digest(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
const named =
  (service: string, prefix = ''): Attributes =>
  (id, arn) => ({ ref: id, arn: arn(service, prefix + id) });
const referredByArn =
  (service: string, prefix: string, suffix = ''): Attributes =>
  (id, arn) => ({
    ref: arn(service, prefix + id + suffix),
    arn: arn(service, prefix + id + suffix),
  });

/** Results of `Ref` and `Fn::GetAtt … Arn`, for every type that a policy can name. */
const ATTRIBUTES: Readonly<Record<string, Attributes>> = {
  'AWS::ApiGateway::RestApi': (id, arn) => ({
    ref: id.toLowerCase().slice(0, 10),
    arn: arn('execute-api', id.toLowerCase().slice(0, 10)),
  }),
  'AWS::DynamoDB::GlobalTable': named('dynamodb', 'table/'),
  'AWS::Events::EventBus': named('events', 'event-bus/'),
  'AWS::Events::Rule': named('events', 'rule/'),
  'AWS::IAM::Role': (id) => ({ ref: id, arn: `arn:${PARTITION}:iam::${ACCOUNT}:role/${id}` }),
  'AWS::KMS::Key': (id, arn) => ({ ref: keyId(id), arn: arn('kms', `key/${keyId(id)}`) }),
  'AWS::KinesisFirehose::DeliveryStream': named('firehose', 'deliverystream/'),
  'AWS::Lambda::Function': named('lambda', 'function:'),
  'AWS::Logs::LogGroup': (id, arn) => ({ ref: id, arn: arn('logs', `log-group:${id}:*`) }),
  'AWS::Pipes::Pipe': named('pipes', 'pipe/'),
  'AWS::S3::Bucket': (id) => ({
    ref: id.toLowerCase(),
    arn: `arn:${PARTITION}:s3:::${id.toLowerCase()}`,
  }),
  'AWS::SecretsManager::Secret': referredByArn('secretsmanager', 'secret:', '-AbCdEf'),
  'AWS::SQS::Queue': (id, arn) => ({ ref: `https://sqs.test/${id}`, arn: arn('sqs', id) }),
  'AWS::StepFunctions::StateMachine': referredByArn('states', 'stateMachine:'),
};

const STREAM = '/stream/2026-01-01T00:00:00.000';

/** The resources of an app as they would be on AWS. */
export class Deployed {
  readonly resources: readonly DeployedResource[];
  private readonly byPath: ReadonlyMap<string, DeployedResource>;

  constructor(templates: readonly Template[]) {
    this.resources = templates.flatMap((template) => {
      const resolver = new Resolver(template);
      return Object.entries(template.Resources).map(
        ([id, { Type, Properties = {}, Metadata }]) => ({
          type: Type,
          path: (Metadata?.['aws:cdk:path'] ?? id).replace(/(\/(Resource|Default))+$/, ''),
          arn: resolver.attributes(id).arn,
          region: template.region,
          properties: resolver.resolve(Properties),
        }),
      );
    });
    this.byPath = new Map(this.resources.map((resource) => [resource.path, resource]));
  }

  of(type: string): DeployedResource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  at(path: string): DeployedResource {
    const found = this.find(path);
    if (found === undefined) throw new Error(`no resource is at ${path}`);
    return found;
  }

  find(path: string): DeployedResource | undefined {
    return this.byPath.get(path);
  }

  /**
   * The resource with this ARN, or the one that contains it, as a table contains its stream and a
   * bucket its objects.
   */
  withArn(arn: string): DeployedResource | undefined {
    return this.resources.find(
      (resource) => resource.arn === arn || arn.startsWith(`${resource.arn}/`),
    );
  }
}

class Resolver {
  constructor(private readonly template: Template) {}

  attributes(id: string): { readonly ref: string; readonly arn: string } {
    const type = this.template.Resources[id]?.Type ?? '';
    const arn = (service: string, resource: string): string =>
      `arn:${PARTITION}:${service}:${this.template.region}:${ACCOUNT}:${resource}`;
    return (ATTRIBUTES[type] ?? named('unnamed'))(id, arn);
  }

  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.resolve(one));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name = '', argument] = entries[0] ?? [];
    if (entries.length === 1 && (name === 'Ref' || name.startsWith('Fn::')))
      return this.intrinsic(name, argument);
    return Object.fromEntries(entries.map(([key, one]) => [key, this.resolve(one)]));
  }

  private intrinsic(name: string, argument: unknown): unknown {
    if (name === 'Ref') return this.reference(String(argument));
    if (name === 'Fn::GetAtt') return this.attribute(argument as [string, string]);
    const resolved = this.resolve(argument);
    if (name === 'Fn::Join') {
      const [separator, parts] = resolved as [string, string[]];
      return parts.join(separator);
    }
    if (name === 'Fn::Split') {
      const [separator, text] = resolved as [string, string];
      return text.split(separator);
    }
    if (name === 'Fn::Select') {
      const [index, list] = resolved as [string, string[]];
      return list[Number(index)];
    }
    throw new Error(`${name} cannot be resolved yet`);
  }

  private reference(name: string): string {
    const pseudo: Readonly<Record<string, string>> = {
      'AWS::AccountId': ACCOUNT,
      'AWS::Partition': PARTITION,
      'AWS::Region': this.template.region,
      'AWS::StackId': 'the-stack',
      'AWS::URLSuffix': 'amazonaws.com',
    };
    return pseudo[name] ?? this.attributes(name).ref;
  }

  private attribute([id, name]: [string, string]): string {
    const { ref, arn } = this.attributes(id);
    const known: Readonly<Record<string, string>> = {
      Arn: arn,
      StreamArn: arn + STREAM,
      QueueName: id,
    };
    return known[name] ?? `${ref}.${name}`;
  }
}
