import { Stack } from 'aws-cdk-lib';
import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { ALARM_CATALOGUE } from '../alarm-catalogue';
import type { AlarmSources } from '../alarm-definition';
import type { Alarms } from '../alarms';
import { RUNBOOK_URL, runbookLink } from '../runbook';
import { text, WIDTH } from './widgets';

/** What it is, and how all alarms stand. */
export function heading(scope: Construct, { parts }: AlarmSources, alarms: Alarms): IWidget[][] {
  const { stackName } = Stack.of(scope);
  return [
    [
      text(
        `# Rakuten postbacks\nStack **${stackName}** takes them at \`${parts.endpointUrl}\`. Something looks wrong? Run \`npx rakuten-postback doctor --stack ${stackName}\`, and see the runbook at the end of this page.`,
        WIDTH,
        2,
      ),
    ],
    ...(alarms.all.length === 0
      ? []
      : [
          [
            new cloudwatch.AlarmStatusWidget({
              title: 'Alarms',
              width: WIDTH,
              height: 3,
              alarms: alarms.all,
              sortBy: cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
            }),
          ],
        ]),
  ];
}

/** What to do when something is wrong: an alarm, its page, its command. */
export function help(scope: Construct, alarms: Alarms, runbookUrl = RUNBOOK_URL): IWidget[][] {
  const { stackName } = Stack.of(scope);
  const rows = ALARM_CATALOGUE.filter(({ kind }) => alarms.get(kind) !== undefined).map(
    ({ kind, title, next }) => `[${title}](${runbookLink(kind, runbookUrl)}) | \`npx rakuten-postback ${next} --stack ${stackName}\``,
  );
  if (rows.length === 0) return [];
  const middle = Math.ceil(rows.length / 2);
  const table = (some: readonly string[]): string => ['Alarm and its page | Next', ':--- | :---', ...some].join('\n');
  return [
    [text('## When something is wrong', WIDTH, 1)],
    [rows.slice(0, middle), rows.slice(middle)].map((some) => text(table(some), WIDTH / 2, 2 + Math.ceil(some.length * 0.75))),
  ];
}
