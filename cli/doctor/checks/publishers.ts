import { type Check, type Finding, ok, problem, warning } from '../finding';

export const publishers: Check = {
  area: 'Rakuten',
  name: 'Publishers',
  permissions: ['dynamodb:Query on the state table'],
  run: async (examination) => {
    const found = await examination.readPublishers();
    if (found.length === 0)
      return problem(
        'none is registered, so every postback fails',
        'deploy the stack, which registers the publisher',
      );
    return found.map(({ sid, properties, unsettled, rotation }): Finding => {
      const what = `SID ${sid}`;
      if (properties === undefined)
        return { ...warning('unregistered by hand', 'cdk-rakuten-postback register'), what };
      if (unsettled === true)
        return {
          ...problem(
            'a registration began and was cut off',
            'deploy again, or cdk-rakuten-postback register',
          ),
          what,
        };
      if (rotation !== undefined) {
        return {
          ...warning(
            `a rotation of the secret began at ${rotation.startedAt} and has not ended`,
            'cdk-rakuten-postback rotate-secret, which goes on with it',
          ),
          what,
        };
      }
      return { ...ok('registered by this installation'), what };
    });
  },
};
