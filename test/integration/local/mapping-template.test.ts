// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the values are meant to look like templates.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { RestMethod } from '../../../local/gateway/rest-api';
import { parseTemplate, UTIL } from '../../../local/gateway/velocity';
import { synthesizedApi } from '../../support/synthesized-api';

let method: RestMethod;
beforeAll(async () => {
  const { api } = await synthesizedApi();
  const [only] = api.methods;
  if (only === undefined) throw new Error('the API has no method');
  method = only;
});

const CONTEXT = {
  requestTimeEpoch: 1776504672000,
  extendedRequestId: 'JZ2n7F1zIAMEJ0w+/=',
  identity: { sourceIp: '198.51.100.7' },
};

const render = (
  parameters: Iterable<readonly [string, string]>,
  contentType = 'application/json',
): string => {
  const template = method.integration.requestTemplates.get(contentType);
  if (template === undefined) throw new Error(`no template for ${contentType}`);
  return template.render({ querystring: new Map(parameters), context: CONTEXT });
};

/**
 * Undoes the three encodings the way the receivers do: SQS the form, the consumer the message, then
 * its query string.
 */
function read(rendered: string) {
  const form = [...new URLSearchParams(rendered)];
  const message = [...new URLSearchParams(form[1]?.[1] ?? '')];
  const query = message.find(([name]) => name === 'q')?.[1] ?? '';
  return { form, message, parameters: new Map(new URLSearchParams(query)) };
}

function expectIntact(parameters: readonly (readonly [string, string])[]): void {
  const { form, message, parameters: arrived } = read(render(parameters));
  expect(form.map(([name]) => name)).toEqual(['Action', 'MessageBody']);
  expect(form[0]?.[1]).toBe('SendMessage');
  expect(form[1]?.[1]).not.toBe('');
  expect(message.map(([name]) => name)).toEqual(['at', 'id', 'ip', 'q']);
  expect(message.slice(0, 3).map(([, value]) => value)).toEqual([
    '1776504672000',
    'JZ2n7F1zIAMEJ0w+/=',
    '198.51.100.7',
  ]);
  expect(arrived).toEqual(new Map(parameters));
}

describe('the mapping template of the synthesized API', () => {
  it.each<[string, [string, string][]]>([
    ['no parameters', []],
    ['an empty value', [['u1', '']]],
    ['an empty name', [['', 'x']]],
    ['quotes', [['product_name', `"Größe" 'XL' \\ \` “x”`]]],
    [
      'plus, percent, ampersand, hash, equals',
      [['product_name', '1+1=2 & 50% #1 %41 %zz &amp; a=b']],
    ],
    ['a dollar sign', [['product_name', '$ $5.99 $$ ${} $!']]],
    ['newlines and tabs', [['product_name', 'a\nb\r\nc\td']]],
    ['control characters', [['product_name', '\u0000\u0001\u0008\u001f\u007f']]],
    ['emoji and other scripts', [['product_name', '🐈‍⬛ 抹茶 Ω ﷽ é']]],
    [
      'a name that is a method of a map',
      [
        ['size', 'XL'],
        ['keySet', 'k'],
        ['get', 'g'],
        ['isEmpty', 'e'],
        ['entrySet', 's'],
      ],
    ],
    [
      'a name of the language underneath',
      [
        ['__proto__', 'p'],
        ['constructor', 'c'],
        ['toString', 't'],
        ['hasOwnProperty', 'h'],
        ['eval', 'v'],
      ],
    ],
    [
      'a name of the query protocol',
      [
        ['Action', 'DeleteQueue'],
        ['MessageBody', ''],
        ['QueueUrl', 'q'],
        ['Version', '1'],
      ],
    ],
    [
      'a name of the message',
      [
        ['at', '0'],
        ['id', 'x'],
        ['ip', 'y'],
        ['q', 'z'],
      ],
    ],
    [
      'a name of the template',
      [
        ['k', '1'],
        ['qs', '2'],
        ['input', '3'],
        ['util', '4'],
        ['context', '5'],
        ['foreach', '6'],
      ],
    ],
    [
      'a name with dots, brackets, signs',
      [
        ['a.b', '1'],
        ['a[0]', '2'],
        ['$k', '3'],
        ['a&b=c', '4'],
        ['ä ö', '5'],
        ['# x', '6'],
      ],
    ],
    [
      'text that looks like Velocity',
      [
        [
          'u1',
          '#set($q = "")$q #foreach($x in [1..9])$x#end #{end} #stop ## #* *# $util.urlEncode("x") ${context.apiId}',
        ],
      ],
    ],
    [
      'text that looks like other templates',
      [['u1', '${jndi:ldap://x} {{7*7}} <%= 1 %> %{x} ]]> <!--']],
    ],
    ['a value of 10 kB', [['product_name', '\u0001é"%'.repeat(1400)]]],
    [
      'a hundred parameters',
      Array.from({ length: 100 }, (_, index): [string, string] => [`p${index}`, `v ${index}`]),
    ],
  ])('keeps %s', (_, parameters) => {
    expectIntact(parameters);
  });

  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom(...'$#{}()[]!"\'\\&=+%;,./<>?@:*~`^| \n\r\t_-aé☃'),
      maxLength: 40,
    }),
    fc.constantFrom(
      '#end',
      '#stop',
      '$q',
      '$!k',
      '#set($q="")',
      '$util.urlEncode($k)',
      '##',
      '#*',
      '\\$q',
      'size',
      'keySet',
      '__proto__',
      'null',
      'undefined',
    ),
  );

  it('keeps any parameters, and always sends exactly Action and a MessageBody', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 12 }),
        (parameters) => {
          expectIntact(parameters);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('renders one line of form data that needs no other characters than a form has', () => {
    fc.assert(
      fc.property(text, text, (name, value) => {
        expect(render([[name, value]])).toMatch(/^Action=SendMessage&MessageBody=[\w.*+%-]+$/);
      }),
    );
  });

  it('stands under each of the usual content types with the same effect', () => {
    const { requestTemplates } = method.integration;
    expect([...requestTemplates.keys()].sort()).toEqual([
      'application/json',
      'application/x-www-form-urlencoded',
      'application/xml',
      'text/html',
      'text/plain',
      'text/xml',
    ]);
    const rendered = [...requestTemplates.keys()].map((type) => render([['a', '1 & 2']], type));
    expect(new Set(rendered).size).toBe(1);
  });

  it('uses only syntax of public API Gateway templates: no directive in braces', () => {
    const template = readFileSync(join(__dirname, '../../../lib/ingestion-api.vtl'), 'utf8');
    expect(template.match(/#\{\w+\}/g)).toBeNull();
    // Text that continued the name of a directive would change it: #endAction is no #end.
    expect(template.match(/#(end|else)\w/g)).toBeNull();
  });

  it('leaves nothing behind from one request to the next', () => {
    const first = render([['a', '1']]);
    render([
      ['b', '2'],
      ['size', 'x'],
    ]);
    expect(render([['a', '1']])).toBe(first);
  });
});

/** Longest URL of a regional endpoint. Each `!` becomes five characters of the message. */
it('keeps the message of the longest URL far below the limit of SQS', () => {
  const urlCharacters = 10_240;
  const largest = (character: string) => {
    const room = urlCharacters - '/prod/postback?u1='.length;
    const rendered = render([['u1', character.repeat(room)]]);
    return {
      message: Buffer.byteLength(new URLSearchParams(rendered).get('MessageBody') ?? ''),
      request: Buffer.byteLength(rendered),
    };
  };
  const { message, request } = largest('!');
  expect(message / urlCharacters).toBeGreaterThan(4.9);
  expect(message).toBeLessThan(64 * 1024);
  expect(request).toBeLessThan(256 * 1024);
  expect(largest('a').message).toBeLessThan(10_400);
});

describe("Java's semantics in velocityjs", () => {
  const evaluate = (template: string, parameters: [string, string][] = []): string =>
    parseTemplate(template).render({ querystring: new Map(parameters), context: CONTEXT });

  it.each([
    ['$input.params().querystring.size', 'XL'],
    ['$input.params().querystring.get("toString")', '$input.params().querystring.get("toString")'],
    ['$context.identity.sourceIp', '198.51.100.7'],
    ['$context.nowhere|$!context.nowhere', '$context.nowhere|'],
  ])('%s', (template, expected) => {
    expect(
      evaluate(template, [
        ['size', 'XL'],
        ['a', 'hello'],
      ]),
    ).toBe(expected);
  });

  it('keeps the order of the parameters, also of those whose names are numbers', () => {
    const parameters: [string, string][] = ['b', '10', 'a', '2'].map((name) => [name, `${name}!`]);
    const each = '$input.params().querystring';
    expect(evaluate(`#foreach($k in ${each}.keySet())$k,#end`, parameters)).toBe('b,10,a,2,');
  });

  it('url-encodes as java.net.URLEncoder does', () => {
    expect(UTIL.urlEncode("a b+c*d-e_f.g~h!i'(j)é🐈/%\n")).toBe(
      'a+b%2Bc*d-e_f.g%7Eh%21i%27%28j%29%C3%A9%F0%9F%90%88%2F%25%0A',
    );
    expect(UTIL.urlEncode('half \uD83D')).toBe('half+%3F');
  });
});
