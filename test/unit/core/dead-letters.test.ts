import fc from 'fast-check';
import { contentsOf, maskedBody, rowKeyOf } from '../../../core/dead-letters/contents';
import { deadLetter, maskedReason } from '../../../core/dead-letters/letter';
import type { ReceivedMessage } from '../../../core/dead-letters/queue';
import { reasonOf } from '../../../core/dead-letters/reasons';
import { ALL_FIELDS } from '../../../core/rakuten/postback/fields';
import { sha256 } from '../../../core/sha256';
import { Publishers } from '../../../core/state/publishers';

describe('the reason of a failure', () => {
  it.each([
    [
      'AccessDeniedException: User: arn:aws:sts::1:assumed-role/r is not authorized to perform: dynamodb:PutItem on resource: arn:t because',
      'the consumer lacked a permission: dynamodb:PutItem on arn:t',
    ],
    [
      'Error: no publisher is registered in the state table, so',
      'no publisher was registered in the state table, so the owner of the postback is unknown',
    ],
    [
      'TimeoutError: DynamoDB did not answer in time; the message is tried again',
      'DynamoDB did not answer in time',
    ],
    [
      'ValidationException: Item size has exceeded the maximum allowed size',
      'DynamoDB refused the row: Item size has exceeded the maximum allowed size',
    ],
    [
      'RowContentionError: other writers changed the row 3900112#A N 12 times until the deadline',
      'other writers changed the row again and again until the deadline',
    ],
    ['Error: connect ECONNREFUSED 127.0.0.1:1', 'DynamoDB could not be reached or failed itself'],
    ['KMSDisabledException: key is disabled', "the table's encryption key could not be used"],
    ['SomethingNew: nobody knows', 'SomethingNew: nobody knows'],
  ])('explains %j', (noted, why) => {
    const reason = reasonOf(noted, 'postback');
    expect(reason.why).toBe(why);
    expect(reason.next).not.toBe('');
  });
});

describe('the contents of a message', () => {
  const SECRET = 'S3CRET-S3CRET-S3CRET';
  const publishers = new Publishers([
    {
      sid: '3900112',
      accepted: [{ secretSha256: sha256(SECRET), fieldListId: 'f', fields: ALL_FIELDS }],
    },
  ]);
  const messageOf = (parameters: Record<string, string>): string => {
    const q = new URLSearchParams(parameters).toString();
    return new URLSearchParams({
      at: '1773425845000',
      id: 'request-1',
      ip: '192.0.2.1',
      q,
    }).toString();
  };
  const line = { is_event: 'N', etransaction_id: ' a1f7 ', order_id: 'W-1', sale_amount: '71.49' };

  it('name the row of the publisher whose secret it carries', () => {
    expect(contentsOf(messageOf({ k: SECRET, ...line, sid: '3900112' }), publishers)).toMatchObject(
      {
        kind: 'postback',
        sid: '3900112',
        key: { lineId: '3900112#A1F7', isEvent: 'N' },
        fields: { order_id: 'W-1', sale_amount: '71.49' },
      },
    );
  });

  it('never name a row of another publisher, whatever `sid` the query has', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom('9999999', ' 3900113', 'x'), fc.string()), (sid) => {
        const { sid: owner, key } = contentsOf(messageOf({ k: SECRET, ...line, sid }), publishers);
        expect({ owner, key }).toEqual({
          owner: '3900112',
          key: { lineId: '3900112#A1F7', isEvent: 'N' },
        });
      }),
      { numRuns: 50 },
    );
  });

  it('show a missing ID and the `sid` of another publisher as problems', () => {
    const { problems, key } = contentsOf(
      messageOf({ k: SECRET, is_event: 'N', order_id: 'W-1', sid: '9999999' }),
      publishers,
    );
    expect(problems.map(({ field }) => field)).toEqual(['sid', 'etransaction_id']);
    expect(key?.lineId).toMatch(/^3900112#~[0-9a-f]{32}$/);
  });

  it('name no row without an accepted secret, or of a probe', () => {
    const forged = contentsOf(messageOf({ k: 'guess', ...line, sid: '3900112' }), publishers);
    expect([forged.kind, forged.sid, forged.key]).toEqual(['unrecognised', undefined, undefined]);
    const probe = contentsOf(messageOf({ k: SECRET, probe: 'p' }), publishers);
    expect([probe.kind, probe.key]).toEqual(['probe', undefined]);
    expect(contentsOf(messageOf({ k: SECRET, probe: 'p', ...line }), publishers)).toMatchObject({
      kind: 'postback',
      key: { isEvent: 'N' },
    });
    expect(contentsOf('nonsense', publishers)).toEqual({
      kind: 'unreadable',
      fields: {},
      extra: {},
      problems: [],
      query: 'nonsense',
    });
  });

  it('are never taken from the Events API: a message cannot claim that', () => {
    const body = `${messageOf({ ...line, sid: '3900112' })}&src=events-api&sid=3900112`;
    expect(contentsOf(body, publishers).kind).toBe('unrecognised');
  });
});

it('shows the secret of no message, whatever it contains', () => {
  const publishers = new Publishers([]);
  const parameter = fc.tuple(fc.string(), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(
      fc.array(parameter),
      fc.array(parameter),
      fc.string({ minLength: 16, unit: 'binary' }),
      (before, after, suffix) => {
        const value = `S3CRET-S3CRET-${suffix}`;
        const q = new URLSearchParams([...before, ['k', value], ...after]).toString();
        const body = new URLSearchParams({ at: '1773425845000', id: 'r', ip: '', q }).toString();
        for (const text of [body, `at=x&${body}`, `/prod/postback?${q}`, q]) {
          expect(maskedBody(text, publishers)).not.toContain('S3CRET');
          expect(JSON.stringify(contentsOf(text, publishers))).not.toContain('S3CRET');
        }
      },
    ),
    { numRuns: 25 },
  );
});

describe('the secret of a publisher under any name', () => {
  // As the construct and a rotation generate it, and one that an operator chose.
  const SECRETS = ['q7Zp0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789ab', 'my secret: 100% & more=/#'];
  const RETIRED = { acceptedUntil: '2020-01-01T00:00:00.000Z' };
  const publishers = new Publishers([
    {
      sid: '3900111',
      accepted: [
        {
          secretSha256: sha256('another-secret-of-another-publisher'),
          fieldListId: 'f',
          fields: ALL_FIELDS,
        },
      ],
    },
    {
      sid: '3900112',
      accepted: SECRETS.map((secret) => ({
        secretSha256: sha256(secret),
        fieldListId: 'f',
        fields: ALL_FIELDS,
        ...RETIRED,
      })),
    },
  ]);
  const bodyOf = (parameters: [string, string][], more: Record<string, string> = {}): string => {
    const q = new URLSearchParams(parameters).toString();
    return new URLSearchParams({
      at: '1773425845000',
      id: 'r',
      ip: '192.0.2.1',
      q,
      ...more,
    }).toString();
  };
  const line: [string, string][] = [
    ['is_event', 'N'],
    ['etransaction_id', 'A1F7'],
    ['order_id', 'W-1'],
  ];
  /** Everything that the commands print or write of a message. */
  const shownOf = (body: string, reason = 'Error: failed'): string => {
    const message = {
      id: 'm-1',
      body,
      sentAt: 1773425845000,
      receiptHandle: 'h',
      attributes: {},
    } as unknown as ReceivedMessage;
    const letter = deadLetter(message, publishers, { reason, failedAt: 1773425845000 }, 60);
    return JSON.stringify({ ...letter, body: maskedBody(body, publishers) });
  };
  const upToEncoding = (text: string): string => text.replace(/%25/g, '%').toLowerCase();
  const expectMasked = (shown: string, secret: string): void => {
    for (const form of [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams({ x: secret }).toString().slice(2),
    ]) {
      for (const part of [form, form.slice(0, -3), form.slice(3)])
        expect(upToEncoding(shown)).not.toContain(upToEncoding(part));
    }
  };

  it.each([
    ...[
      'K',
      'key',
      'k ',
      'token',
      'u1',
      'order_id',
      'etransaction_id',
      'sale_amount',
      'commissions',
      'sid',
      'probe',
      'is_event',
    ],
    ...['product_name', 'process_date', 'currency', 'anything else'],
  ])('is masked as the value of %s', (name) => {
    for (const secret of SECRETS) {
      const parameters = [
        ...line.filter(([other]) => other !== name),
        [name, secret] as [string, string],
      ];
      expectMasked(shownOf(bodyOf(parameters)), secret);
      expectMasked(shownOf(bodyOf([...parameters, ['k', secret]])), secret);
    }
  });

  it.each<[string, (secret: string) => string]>([
    ['the name of a parameter', (secret) => bodyOf([...line, [secret, 'x']])],
    ['the source address', (secret) => bodyOf(line, { ip: secret })],
    ['the request id', (secret) => bodyOf(line, { id: secret })],
    ['another part of the message', (secret) => bodyOf(line, { more: secret })],
    ['the name of another part', (secret) => bodyOf(line, { [secret]: 'x' })],
    [
      'a URL in a value',
      (secret) =>
        bodyOf([
          ...line,
          ['ref', `https://api.example/prod/postback?key=${encodeURIComponent(secret)}&f=0`],
        ]),
    ],
    [
      'a URL in a value, encoded',
      (secret) =>
        bodyOf([
          ['ref', encodeURIComponent(`https://api.example/?key=${encodeURIComponent(secret)}&f=0`)],
        ]),
    ],
    ['a value with spaces', (secret) => bodyOf([...line, ['u1', ` ${secret} `]])],
    ['a text', (secret) => `?order=${encodeURIComponent(secret)}&x=1`],
    ['a text that is nothing else', (secret) => secret],
  ])('is masked in %s', (_where, body) => {
    for (const secret of SECRETS) expectMasked(shownOf(body(secret)), secret);
  });

  it.each<[string, (secret: string) => string]>([
    ['JSON', (secret) => JSON.stringify({ secret })],
    ['a path', (secret) => bodyOf([...line, ['ref', `https://api.example/hooks/${secret}/x`]])],
    ['a list', (secret) => bodyOf([...line, ['u1', `a|${secret}|b`]])],
    [
      'an encoded query string in a text',
      (secret) => `x${encodeURIComponent(`?u1=${secret}&y=1`)}z`,
    ],
    [
      'an encoded query string, twice',
      (secret) => encodeURIComponent(encodeURIComponent(`?u1=${secret}&y=1`)),
    ],
    [
      'the query of a URL in JSON',
      (secret) => `{"u":"https://api.example/?x=1\\u0026u1=${secret}\\u0026y=1"}`,
    ],
    ['words', (secret) => bodyOf([...line, ['u1', `k.${secret}-x`]])],
    [
      'the 300 characters of an unreadable message, cut',
      (secret) => `${'x '.repeat(140)}${secret}`,
    ],
  ])('that was generated is masked in %s', (_where, body) => {
    const [secret = ''] = SECRETS;
    expectMasked(shownOf(body(secret)), secret);
  });

  it('is masked in the note of the consumer, also in the key of the row', () => {
    const secret = 'abcdef0123456789abcdef0123456789abcdef01234';
    const now = new Publishers([
      {
        sid: '3900112',
        accepted: [{ secretSha256: sha256(secret), fieldListId: 'f', fields: ALL_FIELDS }],
      },
    ]);
    const body = bodyOf([
      ['k', secret],
      ['is_event', 'N'],
      ['etransaction_id', secret],
    ]);
    const key = rowKeyOf(body, now);
    expect(key?.lineId).toBe(`3900112#${secret.toUpperCase()}`);
    const reason = maskedReason(
      { reason: `RowContentionError: row ${key?.lineId} N; ${secret}`, failedAt: 0 },
      body,
      now,
    );
    expect(reason).toBe('RowContentionError: row 3900112#*** N; ***');
  });

  it('leaves everything else as it is', () => {
    const parameters: [string, string][] = [
      ...line,
      ['product_name', 'A text of 43 letters: abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG & more'],
      ['x', '100%'],
    ];
    const shown = shownOf(bodyOf(parameters));
    expect(shown).not.toContain('***');
    const { body } = JSON.parse(shown) as { body: string };
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual(
      Object.fromEntries(new URLSearchParams(bodyOf(parameters))),
    );
  });

  it('is looked for in as few places as the largest message has', () => {
    const hashes = jest.spyOn(publishers, 'hasSecret');
    for (const text of ['x', 'x'.repeat(16).concat(' '), '%3D', '&k=', 'a%', '\\u0041', 'x/']) {
      hashes.mockClear();
      contentsOf(bodyOf([['u1', text.repeat(256_000 / text.length)]]), publishers);
      expect(hashes.mock.calls.reduce((sum, [hashed]) => sum + hashed.length, 0)).toBeLessThan(
        256_000 * 8,
      );
    }
    hashes.mockRestore();
  });
});
