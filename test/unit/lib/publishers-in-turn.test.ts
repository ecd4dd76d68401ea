import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { PRECHECK_RESOURCE_TYPE, REGISTRATION_RESOURCE_TYPE } from '../../../core/names';
import {
  Resources,
  type SomeProps,
  type TemplateResource,
  withPostback,
} from '../../support/stacks';

/** Four publishers. */
function publishers(props?: SomeProps): Resources {
  const { stack, postback } = withPostback(props);
  for (const id of ['Japan', 'Canada', 'Brazil']) {
    const credentials = Secret.fromSecretNameV2(stack, id, `rakuten/${id}`);
    postback.addPublisher(id, { sid: String(3900113 + stack.node.children.length), credentials });
  }
  return new Resources(stack);
}

/** Those of some resources that a resource names itself. */
const waitsFor = (
  { DependsOn = [] }: TemplateResource,
  some: readonly TemplateResource[],
): string[] => some.map(({ logicalId }) => logicalId).filter((id) => DependsOn.includes(id));

describe('several publishers', () => {
  it.each<[string, SomeProps]>([
    ['a table of the construct', {}],
    [
      'a passed-in table',
      (stack) => ({ table: Table.fromTableName(stack, 'Table', 'transactions') }),
    ],
  ])(
    'are checked and then registered one at a time with %s, as each occupies two of the ten functions of a new account',
    (_, props) => {
      const resources = publishers(props);
      const prechecks = resources.of(PRECHECK_RESOURCE_TYPE);
      const registrations = resources.of(REGISTRATION_RESOURCE_TYPE);
      for (const made of [prechecks, registrations]) {
        expect(made).toHaveLength(4);
        expect(made.map((one) => waitsFor(one, made))).toEqual(
          made.map((_one, i) =>
            made
              .slice(0, i)
              .slice(-1)
              .map(({ logicalId }) => logicalId),
          ),
        );
      }
      expect(registrations.map((one) => waitsFor(one, prechecks))).toEqual([
        [prechecks[3]?.logicalId],
        [],
        [],
        [],
      ]);
    },
  );
});
