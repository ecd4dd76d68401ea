import type { Duration } from 'aws-cdk-lib';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as ssm from 'aws-cdk-lib/aws-ssm';
import type { PostbackFields } from './fields';

/**
 * What to do when the publisher's one postback slot at Rakuten already holds a URL of someone else,
 * for example of a tracker.
 */
export enum ExistingPostback {
  /** Stop the deployment and name the URL that is there (its query values masked). */
  FAIL = 'FAIL',
  /** Take the slot over, and remember the URL that was there, so that removal can restore it. */
  REPLACE = 'REPLACE',
}

/**
 * What becomes of the slot at Rakuten when the publisher is removed from the stack. Only a URL that
 * is ours is ever touched.
 */
export enum RemovalAction {
  /** Delete our postback. */
  DELETE = 'DELETE',
  /** Leave our URL in the slot, switched off. */
  DISABLE = 'DISABLE',
  /** Put back the URL that was in the slot before; where there was none, delete. */
  RESTORE = 'RESTORE',
  /** Leave the slot as it is. Rakuten goes on sending to an endpoint that no longer exists. */
  RETAIN = 'RETAIN',
}

/** One publisher account (SID) at Rakuten Advertising. */
export interface Publisher {
  /**
   * The publisher id at Rakuten, a number such as `3900112`. Rakuten keeps one postback per SID.
   */
  readonly sid: string;

  /**
   * The Secrets Manager secret with the API credentials of this SID: `{"clientId": "…",
   * "clientSecret": "…"}`, as made in Rakuten's portal under Account, Applications, or a ready
   * token as `{"accessToken": "…"}`. Its value never enters the template.
   * @default - `credentialsParameter` has them
   */
  readonly credentials?: secretsmanager.ISecret;

  /**
   * An SSM SecureString with the credentials, in the same JSON, instead of a secret.
   * @default - `credentials` has them
   */
  readonly credentialsParameter?: ssm.IStringParameter;

  /**
   * The fields to ask for, when they differ from those of the other publishers.
   * @default - the `fields` of the RakutenPostback
   */
  readonly fields?: PostbackFields;

  /**
   * Whether Rakuten sends. `false` registers the URL switched off.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * What to do when the slot already holds a URL of someone else.
   * @default ExistingPostback.FAIL
   */
  readonly existingPostback?: ExistingPostback;

  /**
   * What becomes of the slot when the publisher is removed.
   * @default - DELETE when the slot was empty, RESTORE when it was taken over
   */
  readonly onRemoval?: RemovalAction;

  /**
   * Whether a deployment proves the live endpoint with real GETs before the URL is registered.
   * @default - true, unless `allowedSourceRanges` closes the endpoint to the function that does it
   */
  readonly selfTest?: boolean;

  /**
   * How fast the endpoint must answer in the self-test, 50 ms to 10 s. Rakuten gives up after 400
   * ms, its own way to the endpoint included.
   * @default Duration.millis(400)
   */
  readonly acknowledgementLimit?: Duration;
}
