import type { ResourceName } from '../../installation';
import type { Examination } from '../examination';
import { type Check, type Finding, skipped, warning } from '../finding';
import { judgeFunction } from '../function-state';
import { troubleOf } from '../trouble';

/** The functions beside the consumer. Left out of the stack, an output is empty. */
const FUNCTIONS: readonly (readonly [what: string, resource: ResourceName, without: string])[] = [
  ['Registration', 'registrationFunctionName', ''],
  ['Status watch', 'statusWatchFunctionName', 'a postback that Rakuten switches off stays off'],
  [
    'Reconciliation',
    'reconciliationFunctionName',
    'what a push lost stays lost, and no row is verified',
  ],
];

export const functions: Check = {
  area: 'Schedules',
  name: 'Functions',
  permissions: ['lambda:GetFunctionConfiguration', 'lambda:GetFunctionConcurrency'],
  stackOnly: true,
  run: (examination) =>
    Promise.all(
      FUNCTIONS.map(async ([what, resource, without]) => ({
        ...(await one(examination, resource, without)),
        what,
      })),
    ),
};

async function one(
  examination: Examination,
  resource: ResourceName,
  without: string,
): Promise<Finding> {
  const name = (await examination.installation()).resources[resource];
  if (name === undefined)
    return skipped('not looked at, as it is not found in the stack, and no output names it');
  if (name === '')
    return warning(
      `left out of the stack: ${without}`,
      'leave its "enabled: false" out of the construct\'s properties',
    );
  try {
    return await judgeFunction(examination, name);
  } catch (error) {
    return troubleOf(error, functions, name);
  }
}
