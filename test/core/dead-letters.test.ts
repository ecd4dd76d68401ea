import fc from 'fast-check';
import { contentsOf, maskedBody } from '../../core/dead-letters/contents';
import { reasonOf } from '../../core/dead-letters/reasons';
import { Publishers } from '../../core/store/publishers';

describe('a reason in words', () => {
  it.each([
    [
      'AccessDeniedException: User: arn:aws:sts::1:assumed-role/r is not authorized to perform: dynamodb:PutItem on resource: arn:t because',
      'the consumer lacked a permission: dynamodb:PutItem on arn:t',
    ],
    [
      'Error: no publisher is registered in the state table, so',
      'no publisher was registered in the state table, so it could not be said whose postback it is',
    ],
    ['TimeoutError: DynamoDB did not answer in time; the message is tried again', 'DynamoDB did not answer in time'],
    [
      'ValidationException: Item size has exceeded the maximum allowed size',
      'DynamoDB refused the row: Item size has exceeded the maximum allowed size',
    ],
    ['Error: connect ECONNREFUSED 127.0.0.1:1', 'DynamoDB could not be reached or failed itself'],
    ['KMSDisabledException: key is disabled', "the table's encryption key could not be used"],
    ['SomethingNew: nobody knows', 'SomethingNew: nobody knows'],
  ])('%s', (noted, why) => {
    const reason = reasonOf(noted, 'postback');
    expect(reason.why).toBe(why);
    expect(reason.next).not.toBe('');
  });
});

it('no message, whatever is in it, shows the secret', () => {
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
