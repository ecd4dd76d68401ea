import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { REGISTRATION_RESOURCE_TYPE } from '../../core/names';
import { Resources, withPostback } from '../support/stacks';

describe('several publishers', () => {
  it('are registered one after another, as each occupies two functions and a new account has room for ten', () => {
    const { stack, postback } = withPostback();
    for (const id of ['Japan', 'Canada', 'Brazil']) {
      const credentials = Secret.fromSecretNameV2(stack, id, `rakuten/${id}`);
      postback.addPublisher(id, { sid: String(3900113 + stack.node.children.length), credentials });
    }
    const resources = new Resources(stack);
    const types = [...new Set(resources.all.map(({ Type }) => Type).filter((type) => type.startsWith('Custom::RakutenPostback')))];
    expect(types).toContain(REGISTRATION_RESOURCE_TYPE);
    for (const type of types) {
      const made = resources.of(type).map(({ logicalId }) => logicalId);
      expect(made).toHaveLength(4);
      const waits = made.map((id) =>
        (resources.all.find(({ logicalId }) => logicalId === id)?.DependsOn ?? []).filter((on) => made.includes(on)),
      );
      expect(waits).toEqual(made.map((_, i) => (i === 0 ? [] : [made[i - 1]])));
    }
  });
});
