import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import {
  DEFAULT_LIMIT_MILLIS,
  parseProperties,
  RAKUTEN_API_URL,
  sidOf,
} from '../../../core/registration/properties';
import { Installation, World } from '../../support/registration-world';

const installation = new Installation(new World());
const FIELD_LIST = '[{"name":"u","field":"u1"}]';
const REQUIRED = {
  [P.sid]: '3900112',
  [P.credentialsSecretArn]: 'credentials',
  [P.urlSecretArn]: 'url-secret',
  [P.endpointUrl]: 'https://endpoint.example/postback',
  [P.fieldList]: FIELD_LIST,
};
const parse = (changes: Record<string, unknown> = {}) =>
  parseProperties({ ...REQUIRED, ...changes });

describe('the properties of a registration', () => {
  it('have defaults for all but what must be said', () => {
    expect(parse()).toEqual({
      sid: '3900112',
      credentialsSecret: 'credentials',
      urlSecret: 'url-secret',
      endpointUrl: 'https://endpoint.example/postback',
      fields: [{ name: 'u', field: 'u1' }],
      enabled: true,
      existingPostback: 'FAIL',
      onRemoval: 'RESTORE',
      rakutenApiUrl: RAKUTEN_API_URL,
      selfTest: true,
      limitMillis: DEFAULT_LIMIT_MILLIS,
      raw: REQUIRED,
    });
    expect([RAKUTEN_API_URL, DEFAULT_LIMIT_MILLIS]).toEqual(['https://api.linksynergy.com', 400]);
  });

  it.each(Object.keys(REQUIRED))('without %s are refused, with its name and what to do', (name) => {
    for (const nothing of [undefined, null, '']) {
      const said = name === P.sid ? "is '', not a publisher id such as 3900112" : 'is missing';
      const message = `Property ${name} of the registration ${said}. Next step: correct it in the stack (or upgrade the construct) and deploy again.`;
      expect(() => parse({ [name]: nothing })).toThrow(
        expect.objectContaining({ name: 'PropertyError', message }),
      );
    }
  });

  it('are read as CloudFormation delivers them, as text, and as a test or a program might, as they are', () => {
    const asText = parse({
      [P.enabled]: 'false',
      [P.selfTest]: 'FALSE',
      [P.acknowledgementLimitMillis]: '250',
    });
    const asIs = parse({
      [P.enabled]: false,
      [P.selfTest]: false,
      [P.acknowledgementLimitMillis]: 250,
      [P.fieldList]: JSON.parse(FIELD_LIST),
    });
    expect({ ...asIs, raw: {} }).toEqual({ ...asText, raw: {} });
    expect(asIs).toMatchObject({
      enabled: false,
      selfTest: false,
      limitMillis: 250,
      fields: [{ name: 'u', field: 'u1' }],
    });
    expect(asIs.raw).toEqual({
      ...REQUIRED,
      [P.enabled]: 'false',
      [P.selfTest]: 'false',
      [P.acknowledgementLimitMillis]: '250',
    });
  });

  it('are remembered as text: those of ours that were given, and no others', () => {
    const { raw } = parse({
      ServiceToken: 'arn:…',
      Unheard: 'of',
      [P.onRemoval]: '',
      [P.existingPostback]: null,
      [P.sid]: ' 3900112 ',
    });
    expect(raw).toStrictEqual(REQUIRED);
    // What is remembered can be read again.
    expect(parseProperties(parseProperties(installation.properties()).raw)).toEqual(
      parseProperties(installation.properties()),
    );
  });

  it.each(['true', 'True', ' TRUE ', true])('take %p for true', (value) => {
    expect(parse({ [P.enabled]: value, [P.selfTest]: value })).toMatchObject({
      enabled: true,
      selfTest: true,
    });
  });

  it.each<[string, string]>([
    ['replace', 'REPLACE'],
    ['REPLACE', 'REPLACE'],
    ['Fail', 'FAIL'],
  ])('take existingPostback %s for %s', (value, rule) => {
    expect(parse({ [P.existingPostback]: value }).existingPostback).toBe(rule);
  });

  it.each(['DELETE', 'DISABLE', 'RESTORE', 'RETAIN'])(
    'know the removal rule %s, however it is written',
    (rule) => {
      expect(parse({ [P.onRemoval]: rule }).onRemoval).toBe(rule);
      expect(parse({ [P.onRemoval]: rule.toLowerCase() }).onRemoval).toBe(rule);
    },
  );

  it.each<[string, unknown, string]>([
    [P.sid, '0', "is '0', not a publisher id such as 3900112"],
    [P.sid, 'x1', "is 'x1', not a publisher id such as 3900112"],
    [P.enabled, 'yes', "is 'yes', not true or false"],
    [P.selfTest, 1, "is '1', not true or false"],
    [P.existingPostback, 'steal', "is 'STEAL', not one of FAIL, REPLACE"],
    [P.onRemoval, 'KEEP', "is 'KEEP', not one of DELETE, DISABLE, RESTORE, RETAIN"],
    [P.acknowledgementLimitMillis, 'soon', 'is not a number of milliseconds from 1 to 10000'],
    [P.acknowledgementLimitMillis, '0.9', 'is not a number of milliseconds from 1 to 10000'],
    [P.acknowledgementLimitMillis, '10001', 'is not a number of milliseconds from 1 to 10000'],
    [P.endpointUrl, 'endpoint.example/postback', 'is not an http or https URL'],
    [P.endpointUrl, 'ftp://endpoint.example/', 'is not an http or https URL'],
    [P.endpointUrl, 'httpsx://endpoint.example/', 'is not an http or https URL'],
    [P.endpointUrl, 'xhttp://endpoint.example/', 'is not an http or https URL'],
    [
      P.endpointUrl,
      'https://endpoint.example/?k=1',
      'has a query, a fragment or a user name, which do not belong there',
    ],
    [
      P.endpointUrl,
      'https://endpoint.example/#top',
      'has a query, a fragment or a user name, which do not belong there',
    ],
    [
      P.endpointUrl,
      'https://me@endpoint.example/',
      'has a query, a fragment or a user name, which do not belong there',
    ],
    [P.rakutenApiUrl, 'rakuten', 'is not an http or https URL'],
    [P.fieldList, 'no JSON', 'cannot be read: '],
  ])('with %s %p are refused: it %s', (name, value, said) => {
    expect(() => parse({ [name]: value })).toThrow(`Property ${name} of the registration ${said}`);
  });

  it.each([
    ['1', 1],
    ['0.1e1', 1],
    ['10000', 10_000],
  ])('take a limit of %s ms', (value, limit) => {
    expect(parse({ [P.acknowledgementLimitMillis]: value }).limitMillis).toBe(limit);
  });

  it.each([
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['https://api.example/', 'https://api.example'],
    ['https://api.example/rakuten//', 'https://api.example/rakuten'],
  ])('take Rakuten at %s, without slashes at the end', (value, url) => {
    expect(parse({ [P.rakutenApiUrl]: value }).rakutenApiUrl).toBe(url);
  });
});

describe('a publisher id', () => {
  it.each(['1', '3900112', '2147483647', 3900112, ' 3900112 '])('may be %p', (sid) => {
    expect(sidOf({ [P.sid]: sid })).toBe(String(sid).trim());
  });

  it.each([
    '0',
    '01',
    '-1',
    '1.5',
    '39001a',
    'a39001',
    '2147483648',
    '12345678901',
    '',
    null,
    undefined,
    {},
    [1],
  ])('is not %p', (sid) => {
    expect(sidOf({ [P.sid]: sid })).toBeUndefined();
  });
});
