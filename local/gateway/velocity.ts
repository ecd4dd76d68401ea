import { Compile, parse } from 'velocityjs';

/**
 * A mapping template, parsed once. Rendering is velocityjs with the parts of Java supplied that API Gateway's engine has and JavaScript has
 * not: maps whose entries are not methods (a parameter may be called `size` or `keySet`), and the methods of `java.lang.String`.
 */
export interface MappingTemplate {
  render(request: TemplateRequest): string;
}

/** What a mapping template can see of a request. */
export interface TemplateRequest {
  readonly querystring: ReadonlyMap<string, string>;
  readonly path?: ReadonlyMap<string, string>;
  readonly header?: ReadonlyMap<string, string>;
  /** `$context`. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly stageVariables?: Readonly<Record<string, string>>;
  /** `$input.body`. */
  readonly body?: string;
}

export function parseTemplate(text: string): MappingTemplate {
  const asts = parse(text);
  return {
    render: (request) => new CachingCompile(asts, { customMethodHandlers: JAVA_METHODS }).render(templateVariables(request)),
  };
}

/** velocityjs parses a text such as `"$q&$k"` each time it is evaluated, which takes most of the time; the texts are the template's own and few. */
class CachingCompile extends Compile {
  private static readonly parsed = new Map<string, ReturnType<typeof parse>>();

  protected override evalStr(text: string): string {
    let asts = CachingCompile.parsed.get(text);
    if (asts === undefined) {
      asts = parse(text);
      CachingCompile.parsed.set(text, asts);
    }
    return this.renderAstList(asts, this.contextId);
  }
}

function templateVariables(request: TemplateRequest): Record<string, unknown> {
  const params = javaMap(
    new Map([
      ['path', javaMap(request.path)],
      ['querystring', javaMap(request.querystring)],
      ['header', javaMap(request.header)],
    ]),
  );
  const byName = (name: string): string => {
    // API Gateway's order: path, query string, header.
    for (const part of [request.path, request.querystring, request.header]) {
      const value = part?.get(name);
      if (value !== undefined) return value;
    }
    return '';
  };
  return {
    // New objects for each request, as velocityjs adds a key to an object whose method it calls.
    input: { params: (name?: string) => (name === undefined ? params : byName(name)), body: request.body ?? '' },
    util: { ...UTIL },
    context: deepJavaMap(request.context ?? {}),
    stageVariables: deepJavaMap(request.stageVariables ?? {}),
  };
}

/** API Gateway's `$util`. `urlEncode` is `java.net.URLEncoder`: form encoding, with `!'()~` escaped and `*` kept. */
export const UTIL = {
  urlEncode: (text: string): string =>
    encodeURIComponent(toWellFormed(text))
      .replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+'),
  urlDecode: (text: string): string => decodeURIComponent(text.replaceAll('+', ' ')),
  base64Encode: (text: string): string => Buffer.from(text, 'utf8').toString('base64'),
  base64Decode: (text: string): string => Buffer.from(text, 'base64').toString('utf8'),
  escapeJavaScript: (text: string): string =>
    JSON.stringify(text)
      .slice(1, -1)
      .replace(/[/']/g, (c) => `\\${c}`)
      .replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`),
};

/** Java writes half a surrogate pair as `?`, where encodeURIComponent would throw. */
const toWellFormed = (text: string): string =>
  String(text).replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '?');

/** The objects below that stand for a `java.util.Map`, with their keys in order: an object itself would move those that are numbers to the front. */
const javaMaps = new WeakMap<object, readonly string[]>();
type JavaMap = Record<string, unknown>;

/** An object without a prototype: its own keys are the entries, and nothing else is there to be found by name. */
function javaMap(entries: ReadonlyMap<string, unknown> = new Map()): JavaMap {
  const map = Object.create(null) as JavaMap;
  for (const [key, value] of entries) map[key] = value;
  javaMaps.set(map, [...entries.keys()]);
  return map;
}

function deepJavaMap(value: Readonly<Record<string, unknown>>): JavaMap {
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [
    key,
    typeof inner === 'object' && inner !== null ? deepJavaMap(inner as Record<string, unknown>) : inner,
  ]);
  return javaMap(new Map(entries));
}

const keysOf = (map: JavaMap): readonly string[] => javaMaps.get(map) ?? [];

const MAP_METHODS: Record<string, (map: JavaMap, ...args: string[]) => unknown> = {
  get: (map, key) => map[key ?? ''],
  getOrDefault: (map, key, fallback) => map[key ?? ''] ?? fallback,
  containsKey: (map, key) => Object.hasOwn(map, key ?? ''),
  keySet: (map) => [...keysOf(map)],
  values: (map) => keysOf(map).map((key) => map[key]),
  entrySet: (map) => keysOf(map).map((key) => ({ key, value: map[key], getKey: () => key, getValue: () => map[key] })),
  size: (map) => keysOf(map).length,
  isEmpty: (map) => keysOf(map).length === 0,
};

const STRING_METHODS: Record<string, (text: string, ...args: string[]) => unknown> = {
  length: (text) => text.length,
  isEmpty: (text) => text === '',
  equals: (text, other) => text === other,
  equalsIgnoreCase: (text, other = '') => text.toLowerCase() === other.toLowerCase(),
  contains: (text, part = '') => text.includes(part),
  matches: (text, pattern = '') => new RegExp(`^(?:${pattern})$`, 'su').test(text),
  replace: (text, from = '', to = '') => text.replaceAll(from, () => to),
  replaceAll: (text, pattern = '', to = '') => text.replace(new RegExp(pattern, 'g'), () => to),
};

const JAVA_METHODS = [
  {
    uid: 'java.util.Map',
    match: ({ property, context }: Call) =>
      typeof context === 'object' && javaMaps.has(context as object) && Object.hasOwn(MAP_METHODS, property),
    resolve: ({ property, context, params }: Call) => MAP_METHODS[property]?.(context as JavaMap, ...params),
  },
  {
    uid: 'java.lang.String',
    match: ({ property, context }: Call) => typeof context === 'string' && Object.hasOwn(STRING_METHODS, property),
    resolve: ({ property, context, params }: Call) => STRING_METHODS[property]?.(context as string, ...params),
  },
];

interface Call {
  readonly property: string;
  readonly context: unknown;
  readonly params: string[];
}
