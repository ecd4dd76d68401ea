import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { RakutenPostback, type RakutenPostbackProps } from '../../lib';
import { ROOT } from './sources';

export const SID = '3900112';

export interface TemplateResource {
  readonly logicalId: string;
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is what it is
  readonly Properties: any;
  readonly DependsOn?: string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/**
 * The context of cdk.json: what the app is synthesized with. Constructs must be right without it
 * too, in an app of somebody else's.
 */
export const appContext = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')).context;

export interface StackOptions {
  readonly region?: string;
  readonly account?: string;
  readonly context?: Record<string, unknown>;
}

/** An empty stack that names its resources by their paths. */
export function emptyStack({ region, account, context }: StackOptions = {}): Stack {
  const app = new App({ context: { 'aws:cdk:enable-path-metadata': true, ...context } });
  return new Stack(app, 'Stack', { env: { region, account } });
}

export type SomeProps =
  | Partial<RakutenPostbackProps>
  | ((stack: Stack) => Partial<RakutenPostbackProps>);

/** A stack with one RakutenPostback, `Stack/Postback`. */
export function withPostback(
  props: SomeProps = {},
  options: StackOptions = {},
): { stack: Stack; postback: RakutenPostback } {
  const stack = emptyStack(options);
  const given = typeof props === 'function' ? props(stack) : props;
  const postback = new RakutenPostback(stack, 'Postback', {
    publisher: {
      sid: SID,
      credentials: Secret.fromSecretNameV2(stack, 'Credentials', 'rakuten/api'),
    },
    ...given,
  });
  return { stack, postback };
}

export class Resources {
  public readonly template: Template;
  public readonly all: readonly TemplateResource[];
  private readonly byPath = new Map<string, TemplateResource>();

  constructor(readonly stack: Stack) {
    this.template = Template.fromStack(stack);
    const resources = this.template.toJSON().Resources as Record<
      string,
      TemplateResource & { Metadata?: Record<string, string> }
    >;
    this.all = Object.entries(resources).map(([logicalId, resource]) => ({
      ...resource,
      logicalId,
    }));
    for (const resource of this.all) {
      const path = resources[resource.logicalId]?.Metadata?.['aws:cdk:path'];
      if (path !== undefined)
        this.byPath.set(path.replace(/(\/(Resource|Default))+$/, ''), resource);
    }
  }

  /** The resource at a construct path below the stack, such as `Postback/PostbackQueue/Queue`. */
  at(path: string): TemplateResource {
    const found = this.byPath.get(`${this.stack.node.path}/${path}`);
    if (found === undefined)
      throw new Error(`nothing at ${path}; there are ${[...this.byPath.keys()].join(', ')}`);
    return found;
  }

  /** The construct path below the stack of a resource. */
  pathOf(logicalId: string): string {
    const found = [...this.byPath].find(([, resource]) => resource.logicalId === logicalId);
    if (found === undefined) throw new Error(`${logicalId} has no path`);
    return found[0].replace(`${this.stack.node.path}/`, '');
  }

  of(type: string): TemplateResource[] {
    return this.all.filter((resource) => resource.Type === type);
  }

  /**
   * Construct paths below the stack of all that CloudFormation creates before a resource, sorted.
   */
  waitsFor(path: string): string[] {
    const seen = new Set<string>();
    const visit = (resource: TemplateResource): void => {
      for (const id of dependenciesIn(resource)) {
        const next = this.all.find(({ logicalId }) => logicalId === id);
        if (next === undefined || seen.has(id)) continue;
        seen.add(id);
        visit(next);
      }
    };
    visit(this.at(path));
    return [...seen].map((id) => this.pathOf(id)).sort();
  }

  /** Construct paths below the stack of what a resource waits for by `DependsOn`. */
  dependenciesOf(path: string): string[] {
    return (this.at(path).DependsOn ?? []).map((logicalId) => this.pathOf(logicalId)).sort();
  }
}

/** Logical IDs that a resource names in `DependsOn`, `Ref` and `Fn::GetAtt`. */
function dependenciesIn({ DependsOn = [], Properties = {} }: TemplateResource): string[] {
  const references = [
    ...JSON.stringify(Properties).matchAll(/"(?:Ref":|Fn::GetAtt":\[)"([^"]+)"/g),
  ].map(([, id]) => String(id));
  return [...[DependsOn].flat(), ...references];
}
