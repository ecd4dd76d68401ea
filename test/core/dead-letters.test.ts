import fc from 'fast-check';
import { contentsOf, maskedBody } from '../../core/dead-letters/contents';
import { reasonOf } from '../../core/dead-letters/reasons';
import { ALL_FIELDS } from '../../core/rakuten/fields';
import { sha256 } from '../../core/sha256';
import { Publishers } from '../../core/store/publishers';

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
    ['TimeoutError: DynamoDB did not answer in time; the message is tried again', 'DynamoDB did not answer in time'],
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
    { sid: '3900112', accepted: [{ secretSha256: sha256(SECRET), fieldListId: 'f', fields: ALL_FIELDS }] },
  ]);
  const messageOf = (parameters: Record<string, string>): string => {
    const q = new URLSearchParams(parameters).toString();
    return new URLSearchParams({ at: '1773425845000', id: 'request-1', ip: '192.0.2.1', q }).toString();
  };
  const line = { is_event: 'N', etransaction_id: ' a1f7 ', order_id: 'W-1', sale_amount: '71.49' };

  it('name the row of the publisher whose secret it carries', () => {
    expect(contentsOf(messageOf({ k: SECRET, ...line, sid: '3900112' }), publishers)).toMatchObject({
      kind: 'postback',
      sid: '3900112',
      key: { lineId: '3900112#A1F7', isEvent: 'N' },
      fields: { order_id: 'W-1', sale_amount: '71.49' },
    });
  });

  it('never name a row of another publisher, whatever `sid` the query has', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom('9999999', ' 3900113', 'x'), fc.string()), (sid) => {
        const { sid: owner, key } = contentsOf(messageOf({ k: SECRET, ...line, sid }), publishers);
        expect({ owner, key }).toEqual({ owner: '3900112', key: { lineId: '3900112#A1F7', isEvent: 'N' } });
      }),
      { numRuns: 50 },
    );
  });

  it('show a missing ID and the `sid` of another publisher as problems', () => {
    const { problems, key } = contentsOf(messageOf({ k: SECRET, is_event: 'N', order_id: 'W-1', sid: '9999999' }), publishers);
    expect(problems.map(({ field }) => field)).toEqual(['sid', 'etransaction_id']);
    expect(key?.lineId).toMatch(/^3900112#~[0-9a-f]{32}$/);
  });

  it('name no row without an accepted secret, or of a probe', () => {
    const forged = contentsOf(messageOf({ k: 'guess', ...line, sid: '3900112' }), publishers);
    expect([forged.kind, forged.sid, forged.key]).toEqual(['unrecognised', undefined, undefined]);
    const probe = contentsOf(messageOf({ k: SECRET, probe: 'p', ...line }), publishers);
    expect([probe.kind, probe.key]).toEqual(['probe', undefined]);
    expect(contentsOf('nonsense', publishers)).toEqual({ kind: 'unreadable', fields: {}, extra: {}, problems: [], query: 'nonsense' });
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
    fc.property(fc.array(parameter), fc.array(parameter), fc.string({ minLength: 16, unit: 'binary' }), (before, after, suffix) => {
      const value = `S3CRET-S3CRET-${suffix}`;
      const q = new URLSearchParams([...before, ['k', value], ...after]).toString();
      const body = new URLSearchParams({ at: '1773425845000', id: 'r', ip: '', q }).toString();
      for (const text of [body, `at=x&${body}`, `/prod/postback?${q}`, q]) {
        expect(maskedBody(text)).not.toContain('S3CRET');
        expect(JSON.stringify(contentsOf(text, publishers))).not.toContain('S3CRET');
      }
    }),
    { numRuns: 25 },
  );
});
