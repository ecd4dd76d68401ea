import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENVIRONMENT, REGISTRATION_PROPERTIES, REGISTRATION_RESOURCE_TYPE } from '../../core/names';
import { sha256 } from '../../core/sha256';
import { ACCOUNT } from './cdk';

export interface Surroundings {
  /** Base URL of the emulator. */
  readonly endpoint: string;
  /** Base URL of the fake Rakuten. */
  readonly rakuten: string;
  readonly stackName: string;
  /** Base URLs under which names that Rakuten would find by DNS are reached here. */
  readonly hosts: Readonly<Record<string, string>>;
  /** What else is called otherwise here, such as a hosted zone. */
  readonly names: Readonly<Record<string, string>>;
}

type Part = string | { readonly Ref: string };
interface Joined {
  readonly 'Fn::Join': [separator: string, parts: Part[]];
}
interface Template {
  readonly Resources: Record<
    string,
    { readonly Type: string; readonly Properties?: Record<string, unknown> }
  >;
}

/**
 * Takes an app, synthesized as its user would, to the emulator: only the addresses of what is
 * outside of it are others. So an example needs no setting that a user would never touch.
 */
export function moveToEmulator(
  assembly: string,
  { endpoint, rakuten, stackName, hosts, names }: Surroundings,
): void {
  const replacements = {
    '111122223333': ACCOUNT,
    'https://api.linksynergy.com': rakuten,
    ...names,
  };
  const files = readdirSync(assembly).filter((name) => name.endsWith('.json'));
  const texts = new Map(
    files.map((name) => [name, replaced(readFileSync(join(assembly, name), 'utf8'), replacements)]),
  );
  for (const [name, text] of texts) {
    if (name.endsWith('.template.json'))
      texts.set(name, JSON.stringify(withEndpoint(JSON.parse(text) as Template, endpoint, hosts)));
    if (name === 'manifest.json')
      texts.set(name, JSON.stringify(named(JSON.parse(text), stackName)));
  }
  // The CLI uploads a template under the hash of what it was, unless one is there.
  const was = /\/([0-9a-f]{64})\.json/.exec(texts.get('manifest.json') ?? '')?.[1] ?? '';
  const is = sha256([...texts.values()].join());
  for (const [name, text] of texts) writeFileSync(join(assembly, name), text.replaceAll(was, is));
}

const replaced = (text: string, replacements: Readonly<Record<string, string>>): string =>
  Object.entries(replacements).reduce((all, [from, to]) => all.replaceAll(from, to), text);

/** The registered URL, under which the emulator answers. */
function withEndpoint(
  template: Template,
  endpoint: string,
  hosts: Surroundings['hosts'],
): Template {
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== REGISTRATION_RESOURCE_TYPE || Properties === undefined) continue;
    const url = Properties[REGISTRATION_PROPERTIES.endpointUrl] as string | Joined;
    const moved =
      typeof url === 'string' ? onHost(url, hosts) : onPath(url['Fn::Join'][1], endpoint);
    Properties[REGISTRATION_PROPERTIES.endpointUrl] = moved;
    allow(template, typeof moved === 'string' ? moved : withStageName(moved, template));
  }
  return template;
}

/** The functions send secrets to no other URL than that of their environment. */
function allow(template: Template, url: unknown): void {
  for (const { Properties } of Object.values(template.Resources)) {
    const variables = (
      Properties?.Environment as { readonly Variables?: Record<string, unknown> } | undefined
    )?.Variables;
    if (variables?.[ENVIRONMENT.endpointUrl] !== undefined)
      variables[ENVIRONMENT.endpointUrl] = url;
  }
}

/** The stage as text, as in the template: the functions must not wait for it. */
function withStageName(
  { 'Fn::Join': [separator, parts] }: Joined,
  { Resources }: Template,
): Joined {
  const name = (part: Part): Part => {
    const stage = typeof part === 'string' ? undefined : Resources[part.Ref];
    return stage?.Type === 'AWS::ApiGateway::Stage' ? String(stage.Properties?.StageName) : part;
  };
  return { 'Fn::Join': [separator, parts.map(name)] };
}

/** Of a domain. */
function onHost(url: string, hosts: Surroundings['hosts']): string {
  const { host, pathname } = new URL(url);
  return `${hosts[host] ?? `https://${host}`}${pathname}`;
}

/** Of an API's own URL: its id and stage, and the path behind them. */
function onPath(parts: readonly Part[], endpoint: string): Joined {
  const [api = '', stage = ''] = parts.filter(
    (part) => typeof part !== 'string' && !part.Ref.startsWith('AWS::'),
  );
  return {
    'Fn::Join': ['', [`${endpoint}/_aws/execute-api/`, api, '/', stage, parts.at(-1) ?? '']],
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a manifest is what it is
function named(manifest: any, stackName: string): unknown {
  for (const artifact of Object.values<{ type: string; properties: Record<string, unknown> }>(
    manifest.artifacts,
  )) {
    if (artifact.type === 'aws:cloudformation:stack') artifact.properties.stackName = stackName;
  }
  return manifest;
}
