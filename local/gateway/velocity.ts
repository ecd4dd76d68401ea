import { Compile, parse } from 'velocityjs';

/**
 * A mapping template, parsed once.
 *
 * Rendering is velocityjs with Java's maps, whose entries are not methods: a parameter may be
 * called `size` or `keySet`. It has what the endpoint's own template uses.
 */
export interface MappingTemplate {
  render(request: TemplateRequest): string;
}

/** What a mapping template can see of a request. */
export interface TemplateRequest {
  readonly querystring: ReadonlyMap<string, string>;
  /** `$context`. */
  readonly context?: Readonly<Record<string, unknown>>;
}

export function parseTemplate(text: string): MappingTemplate {
  const asts = parse(text);
  return {
    render: (request) =>
      new CachingCompile(asts, { customMethodHandlers: JAVA_METHODS }).render(
        templateVariables(request),
      ),
  };
}

/**
 * velocityjs parses a text such as `"$q&$k"` each time it is evaluated, which takes most of the
 * time; the texts are the template's own and few.
 */
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
  const params = javaMap(new Map([['querystring', javaMap(request.querystring)]]));
  return {
    // New objects for each request, as velocityjs adds a key to an object whose method it calls.
    input: { params: () => params },
    util: { ...UTIL },
    context: deepJavaMap(request.context ?? {}),
  };
}

/**
 * API Gateway's `$util`, as far as the template uses it. `urlEncode` is `java.net.URLEncoder`: form
 * encoding, with `!'()~` escaped and `*` kept.
 */
export const UTIL = {
  urlEncode: (text: string): string =>
    encodeURIComponent(toWellFormed(text))
      .replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+'),
};

/** Java writes half a surrogate pair as `?`, where encodeURIComponent would throw. */
const toWellFormed = (text: string): string =>
  String(text).replace(
    /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g,
    '?',
  );

/**
 * The objects below that stand for a `java.util.Map`, with their keys in order: an object itself
 * would move those that are numbers to the front.
 */
const javaMaps = new WeakMap<object, readonly string[]>();
type JavaMap = Record<string, unknown>;

/**
 * An object without a prototype: its own keys are the entries, and nothing else is there to be
 * found by name.
 */
function javaMap(entries: ReadonlyMap<string, unknown> = new Map()): JavaMap {
  const map = Object.create(null) as JavaMap;
  for (const [key, value] of entries) map[key] = value;
  javaMaps.set(map, [...entries.keys()]);
  return map;
}

function deepJavaMap(value: Readonly<Record<string, unknown>>): JavaMap {
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [
    key,
    typeof inner === 'object' && inner !== null
      ? deepJavaMap(inner as Record<string, unknown>)
      : inner,
  ]);
  return javaMap(new Map(entries));
}

const MAP_METHODS: Record<string, (map: JavaMap, ...args: string[]) => unknown> = {
  get: (map, key) => map[key ?? ''],
  keySet: (map) => [...(javaMaps.get(map) ?? [])],
};

const JAVA_METHODS = [
  {
    uid: 'java.util.Map',
    match: ({ property, context }: Call) =>
      typeof context === 'object' &&
      javaMaps.has(context as object) &&
      Object.hasOwn(MAP_METHODS, property),
    resolve: ({ property, context, params }: Call) =>
      MAP_METHODS[property]?.(context as JavaMap, ...params),
  },
];

interface Call {
  readonly property: string;
  readonly context: unknown;
  readonly params: string[];
}
