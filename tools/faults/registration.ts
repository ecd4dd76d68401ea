import { REGISTRATION_PROPERTIES as P } from '../../core/names';
import type { Case, Scenario } from './scenario';
import { caseOf, MAY_HOLD_OURS, Stack } from './stack';

/** The credentials in Parameter Store rather than in Secrets Manager. */
const IN_PARAMETER_STORE = {
  [P.credentialsSecretArn]: 'arn:aws:ssm:us-east-1:111122223333:parameter/credentials',
};

export const creating: Scenario = {
  handler: 'registration',
  title: 'Create: the first deployment',
  next: 'the function reverts what it did, as CloudFormation sends no Delete after a failed Create, and you deploy again',
  async begin(...given): Promise<Case> {
    const stack = await Stack.begin(...given);
    return caseOf(stack, {
      act: () => stack.request('Create', stack.properties()),
      wrongAtOnce: async (failure) => {
        if (failure !== undefined) {
          const isSaid = failure === MAY_HOLD_OURS;
          return stack.slot === undefined || isSaid
            ? []
            : ['the Create failed, and left our URL in the slot without a word'];
        }
        if (!stack.holds()) return ['the Create succeeded, and the slot does not hold our URL'];
        const state = await stack.state();
        const isSaid = state?.properties !== undefined && state.accepted.length === 1;
        return isSaid
          ? stack.lostPostbacks()
          : ['the Create succeeded, and the state does not say so'];
      },
      recover: () => stack.request('Create', stack.properties()),
      wrongInTheEnd: async () => {
        const wrong = [
          ...(stack.holds() ? [] : ['the slot does not hold our URL']),
          ...(await stack.lostPostbacks()),
        ];
        await stack.request('Delete', stack.properties());
        return stack.slot === undefined
          ? wrong
          : [...wrong, 'the slot holds our URL after the Delete'];
      },
    });
  },
};

export const deleting: Scenario = {
  handler: 'registration',
  title: 'Delete: the stack is removed',
  next: 'CloudFormation reports that the deletion failed, and you delete the stack again',
  async begin(...given): Promise<Case> {
    const stack = await Stack.begin(...given);
    const properties = stack.properties(IN_PARAMETER_STORE);
    await stack.request('Create', properties);
    return caseOf(stack, {
      act: () => stack.request('Delete', properties),
      wrongAtOnce: async (failure) =>
        failure !== undefined || stack.slot === undefined
          ? []
          : ['the Delete succeeded, and the slot holds our URL'],
      recover: () => stack.request('Delete', properties),
      wrongInTheEnd: async () =>
        stack.slot === undefined ? [] : ['the slot holds our URL after the Delete'],
    });
  },
};
