import { CfnParameter, Duration, type Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { type RakutenPostbackProps, TransactionTarget } from '../../../lib';
import { Resources, withPostback } from '../../support/stacks';

/** A number that is known only at deployment. */
const number = (stack: Stack, id: string): number =>
  new CfnParameter(stack, id, { type: 'Number' }).valueAsNumber;

/** How the CDK writes a number token where it does not resolve it. */
const UNRESOLVED = /e\+289/;

describe('values that are known only at deployment', () => {
  it('reach the template as references, alone and inside of JSON', () => {
    const { stack, postback } = withPostback((scope) => {
      const seconds = (id: string): Duration => Duration.seconds(number(scope, id));
      return {
        dayShards: number(scope, 'Shards'),
        maxConcurrency: number(scope, 'Concurrency'),
        preliminaryExpiry: seconds('Expiry'),
        archive: {
          expireAfter: Duration.days(number(scope, 'Days')),
          bufferInterval: seconds('Interval'),
        },
        reconciliation: {
          window: seconds('Window'),
          dailyWindow: seconds('DailyWindow'),
          backfill: seconds('Backfill'),
          unverifiedAfter: seconds('UnverifiedAfter'),
        },
        statusWatch: {
          flappingAfter: number(scope, 'Flapping'),
          flappingWindow: seconds('FlappingWindow'),
        },
      };
    });
    postback.onTransaction('Ledger', TransactionTarget.queue(new Queue(stack, 'Ledger')), {
      batchSize: number(stack, 'Batch'),
      batchWindow: Duration.seconds(number(stack, 'BatchWindow')),
      maxEventAge: Duration.seconds(number(stack, 'Age')),
      retryAttempts: number(stack, 'Retries'),
    });
    const template = JSON.stringify(new Resources(stack).template.toJSON());
    expect(template).not.toMatch(UNRESOLVED);
    for (const id of Object.keys(JSON.parse(template).Parameters).filter(
      (name) => !name.startsWith('Bootstrap'),
    ))
      expect(template).toContain(`{"Ref":"${id}"}`);
  });

  it.each<[string, (stack: Stack) => Partial<RakutenPostbackProps>]>([
    [
      'statusWatch.interval is a token, whose value is known',
      (stack) => ({ statusWatch: { interval: Duration.minutes(number(stack, 'N')) } }),
    ],
    [
      'rotateUrlSecretEvery is a token, whose value is known',
      (stack) => ({ rotateUrlSecretEvery: Duration.days(number(stack, 'N')) }),
    ],
    [
      'preliminaryExpiry is a token in days, which cannot be converted at synthesis; give Duration.seconds(token), or a number',
      (stack) => ({ preliminaryExpiry: Duration.days(number(stack, 'N')) }),
    ],
    [
      'reconciliation.window is a token in hours, which cannot be converted at synthesis; give Duration.seconds(token), or a number',
      (stack) => ({ reconciliation: { window: Duration.hours(number(stack, 'N')) } }),
    ],
    [
      'archive.expireAfter is a token in seconds, which cannot be converted at synthesis; give Duration.days(token), or a number',
      (stack) => ({ archive: { expireAfter: Duration.seconds(number(stack, 'N')) } }),
    ],
  ])('are rejected by name where synthesis needs the number: %s', (message, props) => {
    expect(() => withPostback(props)).toThrow(message);
  });
});
