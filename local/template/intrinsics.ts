import { LOCAL_ACCOUNT, LOCAL_REGION } from '../embedded/clients';

/** What `Ref` and `Fn::GetAtt` give for a resource that stands. */
export interface ResourceValues {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Stands for `AWS::NoValue`: the property that has it is left out. */
const NO_VALUE = Symbol('AWS::NoValue');

type Handler = (argument: unknown, resolver: Resolver) => unknown;

/**
 * Evaluates the intrinsic functions that the app's template has, against the resources made so far.
 */
export class Resolver {
  public constructor(
    private readonly stackName: string,
    private readonly resources: ReadonlyMap<string, ResourceValues>,
  ) {}

  /** A copy of the value with every intrinsic function replaced by its result. */
  public resolve(value: unknown): unknown {
    const resolved = this.evaluate(value);
    return resolved === NO_VALUE ? undefined : resolved;
  }

  public evaluate(value: unknown): unknown {
    if (Array.isArray(value))
      return value.map((item) => this.evaluate(item)).filter((item) => item !== NO_VALUE);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [only] = entries;
    if (
      entries.length === 1 &&
      only !== undefined &&
      (only[0] === 'Ref' || only[0].startsWith('Fn::'))
    ) {
      return this.call(only[0], only[1]);
    }
    const resolved = entries.map(([key, inner]): [string, unknown] => [key, this.evaluate(inner)]);
    return Object.fromEntries(resolved.filter(([, inner]) => inner !== NO_VALUE));
  }

  public text(value: unknown): string {
    const resolved = this.evaluate(value);
    if (
      typeof resolved === 'string' ||
      typeof resolved === 'number' ||
      typeof resolved === 'boolean'
    )
      return String(resolved);
    throw new Error(
      `expected text from ${JSON.stringify(value)}, but it is ${JSON.stringify(resolved)}`,
    );
  }

  public ref(name: string): unknown {
    const pseudo = this.pseudoParameters()[name];
    if (pseudo !== undefined) return pseudo;
    const resource = this.resources.get(name);
    if (resource !== undefined) return resource.ref;
    throw new Error(`Ref to ${name}, which was not made`);
  }

  public attribute(name: string, attribute: string): string {
    const value = this.resources.get(name)?.attributes[attribute];
    if (value === undefined)
      throw new Error(`Fn::GetAtt of ${name}.${attribute}, which is not known here`);
    return value;
  }

  private call(name: string, argument: unknown): unknown {
    const handler = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (handler === undefined) throw new Error(`the intrinsic function ${name} is not known here`);
    return handler(argument, this);
  }

  private pseudoParameters(): Record<string, unknown> {
    return {
      'AWS::AccountId': LOCAL_ACCOUNT,
      'AWS::Region': LOCAL_REGION,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': this.stackName,
      'AWS::StackId': stackId(this.stackName),
      'AWS::NoValue': NO_VALUE,
      'AWS::NotificationARNs': [],
    };
  }
}

export const stackId = (stackName: string): string =>
  `arn:aws:cloudformation:${LOCAL_REGION}:${LOCAL_ACCOUNT}:stack/${stackName}/00000000-0000-0000-0000-000000000000`;

const list = (argument: unknown, resolver: Resolver): unknown[] => {
  const resolved = resolver.evaluate(argument);
  if (!Array.isArray(resolved)) throw new Error(`expected a list from ${JSON.stringify(argument)}`);
  return resolved;
};

const FUNCTIONS: Readonly<Record<string, Handler>> = {
  Ref: (name, resolver) => resolver.ref(String(name)),
  'Fn::GetAtt': (argument, resolver) => {
    const [name = '', attribute = ''] = (argument as unknown[]).map(String);
    return resolver.attribute(name, attribute);
  },
  'Fn::Join': (argument, resolver) => {
    const [separator, items] = argument as [string, unknown];
    return list(items, resolver).map(String).join(separator);
  },
  'Fn::Sub': (argument, resolver) => {
    const [text, variables] = (Array.isArray(argument) ? argument : [argument, {}]) as [
      string,
      Record<string, unknown>,
    ];
    return text.replace(/\$\{(!?)([^}]*)\}/g, (_, literal: string, name: string) => {
      if (literal === '!') return `\${${name}}`;
      if (Object.hasOwn(variables, name)) return resolver.text(variables[name]);
      const dot = name.indexOf('.');
      return dot < 0
        ? String(resolver.ref(name))
        : resolver.attribute(name.slice(0, dot), name.slice(dot + 1));
    });
  },
};
