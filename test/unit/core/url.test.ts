import * as fc from 'fast-check';
import { fieldListId } from '../../../core/rakuten/postback/fields';
import {
  isSameEndpoint,
  postbackUrl,
  summarizeUrl,
  summaryText,
} from '../../../core/rakuten/postback/url';
import { growth, LINEAR } from '../../support/growth';

describe('the URL to register', () => {
  const fields = [
    { name: 'order', field: 'order_id' },
    { name: 'site', value: 'cash & back' },
    { name: 'a b', field: 'u1' },
  ] as const;

  it('has our secret and the field list first, then tokens with raw brackets, then static values escaped', () => {
    expect(postbackUrl('https://api.example/prod/postback', 's&1', fields)).toBe(
      `https://api.example/prod/postback?k=s%261&f=${fieldListId(fields)}&order=<order_id>&site=cash%20%26%20back&a%20b=<u1>`,
    );
  });

  it('has only what is ours where no field is asked for', () => {
    expect(postbackUrl('https://api.example/p', 'x', [])).toBe(
      `https://api.example/p?k=x&f=${fieldListId([])}`,
    );
  });
});

describe('the summary of a URL', () => {
  const textOf = (url: string): string => summaryText(summarizeUrl(url));

  it.each([
    ['https://t.example/in?key=secret&u=<u1>', 't.example, 1 field (u1)'],
    [
      'https://t.example:8443/in?token=<u1>x&o=<order_id>&again=<u1>',
      't.example:8443, 2 fields (u1, order_id)',
    ],
    [
      'https://t.example/in?u=%3Cu1%3E&amp;o=&lt;order_id&gt;',
      't.example, 2 fields (u1, order_id)',
    ],
    ['HTTPS://T.Example', 't.example, no fields'],
    ['https://user:pass@t.example/in', 't.example, no fields'],
    ['//t.example/in', 't.example, no fields'],
    ['test.com', 'test.com, no fields'],
    ['test.com?https://u:p@x=1', 'test.com, no fields'],
    ['  https://192.0.2.1/x ', '192.0.2.1, no fields'],
    ['http://[2001:DB8::1]:80/x', '[2001:db8::1]:80, no fields'],
    ['http://localhost:3000', 'localhost:3000, no fields'],
    ['https://bücher.example/', 'xn--bcher-kva.example, no fields'],
    ['', 'not a URL, no fields'],
    ['?u=<u1>', 'not a URL, 1 field (u1)'],
    ['SECRET', 'not a URL, no fields'],
    ['mailto:someone@t.example', 't.example, no fields'],
  ])('%s: %s', (url, shown) => {
    expect(textOf(url)).toBe(shown);
  });

  it.each([
    'https://tracker.example/hooks/T0/PATHSECRET',
    'https://tracker.example;token=PATHSECRET',
    'https://tracker.example/in;token=PATHSECRET',
    'https://tracker.example\\PATHSECRET',
    'https://user:PATH/SECRET@tracker.example/in',
    'https://PATHSECRET:pa@ss@tracker.example/in',
    'https://user:PATHSECRET?@tracker.example/in',
    'https://user:PATHSECRET#@tracker.example/in',
    'https:PATHSECRET@tracker.example',
    'https:///PATHSECRET',
    'https://PATHSECRET',
    'https://tracker.example:PATHSECRET/',
    'https://tracker.example/?PATHSECRET',
    'https://tracker.example/?PATHSECRET=<u1>',
    'https://tracker.example/?u=<PATHSECRET>',
    'https://tracker.example/#PATHSECRET',
    'https://tracker.example%2FPATHSECRET/',
    'https://tracker.example\u0000PATHSECRET/',
    'eyJhbGciOiJIUzI1NiJ9.PATHSECRET.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    'tracker.example/PATHSECRET',
    'PATHSECRET/tracker.example',
  ])('never has the secret of %j', (url) => {
    expect(textOf(url)).not.toMatch(/PATH|SECRET|pa@|ss@/i);
  });

  it('has no control character, whatever the URL contains', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('https://', 't.example', '<u1>', '\u001b]0;x\u0007', '\u202e', '\n'),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => expect(textOf(parts.join(''))).toMatch(/^[ -~]+$/)),
    );
  });

  it.each(['a.', '<', ':1', '@', '/'])(
    'takes time in proportion to the length of a URL of %j only',
    (text) => {
      expect(growth((length) => textOf(`https://${text.repeat(length)}`), 1e5)).toBeLessThan(
        LINEAR,
      );
    },
  );
});

describe('the same endpoint', () => {
  it.each([
    ['https://api.example/prod/postback?k=1&f=2', 'https://api.example/prod/postback', true],
    ['HTTP://API.example/prod/postback', 'https://api.example/prod/postback', true],
    ['https://api.example/prod/postback//', 'https://api.example/prod/postback', true],
    ['https://api.example/prod/postback/#x', 'https://api.example/prod/postback?y', true],
    ['api.example/prod/postback', 'https://api.example/prod/postback', true],
    ['https://api.example/prod/postback2', 'https://api.example/prod/postback', false],
    ['https://api.example/prod', 'https://api.example/prod/postback', false],
    ['https://api.example//prod/postback', 'https://api.example/prod/postback', false],
    ['https://other.example/http://api.example/prod', 'https://api.example/prod', false],
    ['ftp://api.example/prod', 'https://api.example/prod', false],
  ])('%s and %s: %s', (registered, ours, same) => {
    expect(isSameEndpoint(registered, ours)).toBe(same);
  });
});
