import { Annotations, Duration, type RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { ATTRIBUTES } from '../core/names';
import { durationProblem, type Problem, rejectProblems } from './private/checks';
import { checkKeyLocation, checkLocation, locationOf } from './private/location';
import { ownTableErrors } from './private/own-table';

/** Where the rows are kept, for how long, and under whose key. */
export interface TableOptions {
  /**
   * A table of your own, in the stack's account and region.
   *
   * It needs the keys and indexes of docs/rows.md. Synthesis checks those of a table that the app
   * creates, `cdk-rakuten-postback doctor` those of a table that it imports.
   * @default - the construct creates a table
   */
  readonly table?: dynamodb.ITable;

  /**
   * What becomes of the table when the stack is deleted or the table leaves it. With DESTROY the
   * rows are gone.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Whether DynamoDB refuses to delete the table.
   * @default - true, unless the table's removal policy lets CloudFormation delete it: DESTROY, and
   *   RETAIN_ON_UPDATE_OR_DELETE if its creation fails. `RemovalPolicies.of(scope)` counts
   */
  readonly deletionProtection?: boolean;

  /**
   * The KMS key under which everything of the postbacks is kept that the construct makes: the rows,
   * the queues, the state table, the archive. Endpoint and functions get the right to use it.
   * Queues and tables call KMS for it, which KMS bills, and a key that is disabled or may not be
   * used any more stops the endpoint. The stack needs a region of its own.
   *
   * In the region of the stack. A key of another account has to let this account use it.
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * How long to keep a preliminary line (`is_event` is `Y`) after Rakuten processed it.
   *
   * 30 days or more. DynamoDB deletes the row within a few days of that time. Confirmed lines are
   * kept. A row that was written before this option was set gets its time at its next change.
   * @default - for ever
   */
  readonly preliminaryExpiry?: Duration;

  /**
   * How long to keep any row after Rakuten processed its line, for example to meet a privacy
   * policy.
   *
   * 60 days or more. DynamoDB deletes the row within a few days of that time, and sums no longer
   * contain it. A row that was written before this option was set gets its time at its next change.
   * @default - forever
   */
  readonly rowExpiry?: Duration;

  /**
   * Other regions that get a copy of the table, for reading there, or for when the stack's own
   * region is out of reach. The stack needs a region of its own.
   * @default - none
   */
  readonly replicaRegions?: string[];

  /**
   * With `encryptionKey` and `replicaRegions`: by region the ARN of the KMS key of the copy there.
   * @default - none
   */
  readonly replicaKeyArns?: { [region: string]: string };
}

/** Rejects wrong options, and warns of settings that the user has to make elsewhere. */
export function checkTableOptions(scope: Construct, options: TableOptions): void {
  rejectProblems(scope, [
    existingTableProblem(options),
    // Rakuten's Events API returns a line for 30 days: an expired one would come back.
    durationProblem(
      'preliminaryExpiry',
      options.preliminaryExpiry,
      Duration.days(30),
      Duration.days(3650),
    ),
    // Exports and reports of changes look back for 35 days.
    durationProblem('rowExpiry', options.rowExpiry, Duration.days(60), Duration.days(3650)),
    regionProblem(scope, options),
    replicaProblem(scope, options),
    replicaKeyProblem(options),
  ]);
  const { table, encryptionKey } = options;
  if (encryptionKey !== undefined)
    checkKeyLocation(scope, 'encryptionKey', encryptionKey, { usedBy: 'the tables and queues' });
  if (table !== undefined) {
    checkLocation(
      scope,
      { name: 'the table', arn: table.tableArn, env: table.env },
      { usedBy: 'the functions that write to it' },
    );
    scope.node.addValidation({ validate: () => ownTableErrors(table) });
  }
  const expiry = expiryOption(options);
  if (table !== undefined && expiry !== undefined) {
    Annotations.of(scope).addWarningV2(
      'cdk-rakuten-postback:expiryOnExistingTable',
      `${expiry} writes when a row may go into the attribute ${ATTRIBUTES.expiresAt}; switch on the table's time to live for that attribute, or nothing expires`,
    );
  }
}

/** The option because of which rows expire, if any. */
export const expiryOption = (options: TableOptions): string | undefined =>
  (['preliminaryExpiry', 'rowExpiry'] as const).find((name) => options[name] !== undefined);

const OF_A_TABLE_MADE_HERE = [
  'removalPolicy',
  'deletionProtection',
  'replicaRegions',
  'replicaKeyArns',
] as const;

function existingTableProblem(options: TableOptions): Problem {
  if (options.table === undefined) return undefined;
  const given = OF_A_TABLE_MADE_HERE.filter((name) => options[name] !== undefined);
  if (given.length === 0) return undefined;
  const names = given.join(' and ');
  return `${names} ${given.length > 1 ? 'are' : 'is'} of the table that is made here, and a table is passed in; set ${given.length > 1 ? 'them' : 'it'} on that table instead`;
}

/** CDK writes down keys and copies by region. */
function regionProblem(scope: Construct, options: TableOptions): Problem {
  const name = (['encryptionKey', 'replicaRegions'] as const).find(
    (one) => options[one] !== undefined,
  );
  if (name === undefined || !Token.isUnresolved(Stack.of(scope).region)) return undefined;
  return `${name} needs to know the stack's own region; give the stack one: new Stack(app, id, { env: { region: 'us-east-1' } })`;
}

function replicaProblem(scope: Construct, { replicaRegions: regions }: TableOptions): Problem {
  if (regions === undefined || regions.length === 0) return undefined;
  const { region } = Stack.of(scope);
  if (regions.includes(region))
    return `replicaRegions has ${region}, where the table itself is; leave it out`;
  const twice = regions.find((one, i) => regions.indexOf(one) !== i);
  if (twice !== undefined) return `replicaRegions has ${twice} twice; name each region once`;
  const odd = regions.find(
    (one) => !Token.isUnresolved(one) && !/^[a-z]{2,3}(-[a-z]+)+-\d+$/.test(one),
  );
  return odd === undefined
    ? undefined
    : `replicaRegions has '${odd}'; give regions such as us-west-2`;
}

function replicaKeyProblem({
  encryptionKey,
  replicaRegions = [],
  replicaKeyArns,
}: TableOptions): Problem {
  if (encryptionKey === undefined) {
    return replicaKeyArns === undefined
      ? undefined
      : 'replicaKeyArns is for a table under a key of your own; give encryptionKey too, or leave it out';
  }
  const without = replicaRegions.filter((region) => replicaKeyArns?.[region] === undefined);
  if (without.length > 0) {
    return `encryptionKey is a key of this region only, and the copy of the table in ${without.join(' and ')} needs one too; give its ARN in replicaKeyArns`;
  }
  const misplaced = Object.entries(replicaKeyArns ?? {}).find(
    ([region, arn]) => (locationOf({ name: region, arn }).region ?? region) !== region,
  );
  if (misplaced !== undefined)
    return `replicaKeyArns has for ${misplaced[0]} the key ${misplaced[1]}; give a key of that region`;
  const unused = Object.keys(replicaKeyArns ?? {}).filter(
    (region) => !replicaRegions.includes(region),
  );
  return unused.length > 0
    ? `replicaKeyArns has ${unused.join(' and ')}, which replicaRegions has not; add the region there, or leave the key out`
    : undefined;
}
