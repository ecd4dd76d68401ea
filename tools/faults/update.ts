import { REGISTRATION_PROPERTIES as P } from '../../core/names';
import { ALL_FIELDS, type FieldList } from '../../core/rakuten/postback/fields';
import type { Case, Scenario } from './scenario';
import { caseOf, MAY_HOLD_OURS, Stack } from './stack';

const FEWER_FIELDS = ALL_FIELDS.filter(({ name }) => name !== 'product_name');
const asking = (fields: FieldList) => ({ [P.fieldList]: JSON.stringify(fields) });

export const updating: Scenario = {
  handler: 'registration',
  title: 'Update: one more field in the URL in the slot',
  next: 'CloudFormation rolls back with an Update to what was before, and you deploy again',
  async begin(...given): Promise<Case> {
    const stack = await Stack.begin(...given);
    const [before, after] = [
      stack.properties(asking(FEWER_FIELDS)),
      stack.properties(asking(ALL_FIELDS)),
    ];
    await stack.request('Create', before);
    return caseOf(stack, {
      act: () => stack.request('Update', after, before),
      wrongAtOnce: async (failure) => {
        const lost = await stack.lostPostbacks();
        if (failure !== undefined) {
          const isAsBefore = stack.holds(FEWER_FIELDS) || failure === MAY_HOLD_OURS;
          return isAsBefore
            ? lost
            : [
                ...lost,
                'the Update failed, and left the slot otherwise than before without a word',
              ];
        }
        const state = await stack.state();
        const isSaid = state?.properties?.[P.fieldList] === after[P.fieldList];
        return [
          ...lost,
          ...(stack.holds()
            ? []
            : ['the Update succeeded, and the slot does not hold the new URL']),
          ...(isSaid ? [] : ['the Update succeeded, and the state does not say so']),
        ];
      },
      recover: async () => {
        await stack.request('Update', before, after);
        if (!stack.holds(FEWER_FIELDS))
          throw new Error('the rollback succeeded, and the slot does not hold the URL of before');
        await stack.request('Update', after, before);
      },
      wrongInTheEnd: async () => [
        ...(stack.holds() ? [] : ['the slot does not hold the new URL']),
        ...(await stack.lostPostbacks()),
      ],
    });
  },
};

export const rollingBack: Scenario = {
  handler: 'registration',
  title: 'Update back: a failed Update is rolled back',
  next: 'the stack is in UPDATE_ROLLBACK_FAILED, and you continue the rollback',
  async begin(...given): Promise<Case> {
    const stack = await Stack.begin(...given);
    const [before, after] = [
      stack.properties(asking(FEWER_FIELDS)),
      stack.properties({ ...asking(ALL_FIELDS), [P.credentialsSecretArn]: 'nowhere' }),
    ];
    await stack.request('Create', before);
    const update = stack.request('Update', after, before);
    await update.then(
      () => Promise.reject(new Error('an Update with credentials that are nowhere succeeded')),
      () => undefined,
    );
    return caseOf(stack, {
      act: () => stack.request('Update', before, after),
      wrongAtOnce: async (failure) => [
        ...(failure !== undefined || stack.holds(FEWER_FIELDS)
          ? []
          : ['the rollback succeeded, and the slot does not hold the URL of before']),
        ...(await stack.lostPostbacks()),
      ],
      recover: () => stack.request('Update', before, after),
      wrongInTheEnd: async () => [
        ...(stack.holds(FEWER_FIELDS) ? [] : ['the slot does not hold the URL of before']),
        ...(await stack.lostPostbacks()),
      ],
    });
  },
};
