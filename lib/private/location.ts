import {
  Annotations,
  Reference,
  type ResourceEnvironment,
  Stack,
  Token,
  TokenComparison,
  Tokenization,
  type TokenizedStringFragments,
} from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { assertValid } from './checks';

/** A resource that the user passed. */
export interface PassedResource {
  /** Name of the option, for example `encryptionKey`. */
  readonly name: string;
  /**
   * ARN. Its account and region take precedence: an imported resource can have those of the stack.
   * @default - `env` only
   */
  readonly arn?: string;
  /**
   * Account and region, where the ARN does not have them. @default - those of the stack that the
   * ARN refers to
   */
  readonly env?: ResourceEnvironment;
}

/** What AWS needs of it. */
export interface LocationRule {
  /** What uses it, for example `the endpoint`. */
  readonly usedBy: string;
  /** How to fix a wrong location. @default - to pass a resource of the same account or region */
  readonly fix?: string;
  /** Whether it can be in another region. @default false */
  readonly anyRegion?: boolean;
  /** What its owner has to allow for another account. @default - it cannot be in another account */
  readonly permission?: string;
}

type Part = keyof ResourceEnvironment;

/**
 * Rejects a resource that AWS cannot use from the stack of the scope, because of its account or
 * region.
 *
 * Warns of one whose owner has to permit it. Accepts what is known at deploy time only.
 */
export function checkLocation(
  scope: Construct,
  resource: PassedResource,
  rule: LocationRule,
): void {
  const here = Stack.of(scope);
  const there = locationOf(resource);
  const differs = (part: Part): boolean =>
    there[part] !== undefined &&
    Token.compareStrings(there[part], here[part]) === TokenComparison.DIFFERENT;
  const assertSame = (part: Part): void =>
    assertValid(
      scope,
      !differs(part),
      `${resource.name} is in the ${part} ${there[part]}, and ${rule.usedBy} in ${here[part]}; ${rule.fix ?? `pass one of the same ${part}`}`,
    );
  if (!rule.anyRegion) assertSame('region');
  if (!differs('account')) return;
  if (rule.permission === undefined) assertSame('account');
  Annotations.of(scope).addWarningV2(
    `cdk-rakuten-postback:otherAccount-${resource.name.replace(/^(the|an) /, '').replaceAll(' ', '-')}`,
    `${resource.name} is in the account ${there.account}, where this stack can set no policy: ${rule.permission}`,
  );
}

/** Rejects a key of another region. One of another account must let this one use it. */
export function checkKeyLocation(
  scope: Construct,
  name: string,
  key: kms.IKey,
  rule: Omit<LocationRule, 'permission'>,
): void {
  checkLocation(
    scope,
    { name, arn: key.keyArn, env: key.env },
    {
      ...rule,
      permission:
        `its key policy has to allow the account ${Stack.of(scope).account} kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt*, ` +
        'kms:DescribeKey and kms:CreateGrant',
    },
  );
}

/** Account and region of a resource, as far as they are known. */
export function locationOf({ arn = '', env }: PassedResource): Partial<ResourceEnvironment> {
  const there = env ?? ownerOf(Tokenization.reverseString(arn));
  if (!arn.startsWith('arn:')) return there;
  const [, , , region, account] = arn.split(':');
  return { account: account || there.account, region: region || there.region };
}

/** The stack of the resource that a token refers to. */
function ownerOf({ tokens: [token] }: TokenizedStringFragments): Partial<ResourceEnvironment> {
  if (!Reference.isReference(token)) return {};
  const { account, region } = Stack.of(token.target);
  return { account, region };
}
