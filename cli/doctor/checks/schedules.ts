import {
  DescribeRuleCommand,
  type DescribeRuleResponse,
  EventBridgeClient,
  ListRuleNamesByTargetCommand,
} from '@aws-sdk/client-eventbridge';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ResourceName } from '../../installation';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, skipped } from '../finding';
import { troubleOf } from '../trouble';

const SCHEDULED: readonly (readonly [what: string, resource: ResourceName])[] = [
  ['Schedule of the watch', 'statusWatchFunctionName'],
  ['Schedules of the reconciliation', 'reconciliationFunctionName'],
];

export const schedules: Check = {
  area: 'Schedules',
  name: 'Schedules',
  permissions: [
    'events:ListRuleNamesByTarget',
    'events:DescribeRule',
    'lambda:GetFunctionConfiguration',
  ],
  stackOnly: true,
  run: (examination) =>
    Promise.all(
      SCHEDULED.map(async ([what, resource]) => ({ ...(await one(examination, resource)), what })),
    ),
};

async function one(examination: Examination, resource: ResourceName): Promise<Finding> {
  const name = (await examination.installation()).resources[resource];
  if (name === undefined || name === '') return skipped('there is no such function');
  try {
    return judgeRules(await rulesOf(examination, name));
  } catch (error) {
    return troubleOf(error, schedules, name);
  }
}

/** The rules that invoke a function. */
function rulesOf(examination: Examination, FunctionName: string): Promise<DescribeRuleResponse[]> {
  return examination.once(`rules ${FunctionName}`, async () => {
    const lambda = new LambdaClient(await examination.aws('lambda'));
    const events = new EventBridgeClient(await examination.aws('eventBridge'));
    const { FunctionArn: TargetArn } = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );
    const rules: DescribeRuleResponse[] = [];
    let NextToken: string | undefined;
    do {
      const page = await events.send(new ListRuleNamesByTargetCommand({ TargetArn, NextToken }));
      for (const Name of page.RuleNames ?? [])
        rules.push(await events.send(new DescribeRuleCommand({ Name })));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return rules;
  });
}

export function judgeRules(rules: readonly DescribeRuleResponse[]): Finding {
  const scheduled = rules.filter(({ ScheduleExpression }) => ScheduleExpression !== undefined);
  if (scheduled.length === 0) return problem('there is none', 'deploy again, which restores it');
  const off = scheduled.filter(({ State }) => State === 'DISABLED').map(({ Name = '' }) => Name);
  if (off.length > 0)
    return problem(
      `switched off: ${off.join(', ')}`,
      off.map((name) => `aws events enable-rule --name ${name}`).join('; '),
    );
  return ok(
    `on: ${scheduled
      .map(({ ScheduleExpression }) => ScheduleExpression)
      .sort()
      .join(', ')}`,
  );
}
