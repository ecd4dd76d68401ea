import { Lazy, Stack } from 'aws-cdk-lib';
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
        `# Rakuten postbacks\nStack **${stackName}** takes them at \`${parts.endpointUrl}\`. Something looks wrong? Run \`npx cdk-rakuten-postback doctor --stack ${stackName}\`, and see the runbook at the end of this page.`,
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
              alarms: alarms.shown,
              sortBy: cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
            }),
          ],
        ]),
  ];
}

/** What to do when something is wrong: an alarm, its page, its command. */
export function help(scope: Construct, alarms: Alarms, runbookUrl = RUNBOOK_URL): IWidget[][] {
  const { stackName } = Stack.of(scope);
  const halves = (): readonly [readonly string[], readonly string[]] => {
    const rows = ALARM_CATALOGUE.filter(({ kind }) => alarms.get(kind) !== undefined).map(
      ({ kind, title, next }) =>
        `[${title}](${runbookLink(kind, runbookUrl)}) | \`npx cdk-rakuten-postback ${next} --stack ${stackName}\``,
    );
    const middle = Math.ceil(rows.length / 2);
    return [rows.slice(0, middle), rows.slice(middle)];
  };
  const table = (half: 0 | 1): IWidget => {
    const height = 2 + Math.ceil(halves()[half].length * 0.75);
    // Some alarms come with what is added later: a publisher, a target of `onTransaction`.
    const markdown = Lazy.string({
      produce: () => ['Alarm and its page | Next', ':--- | :---', ...halves()[half]].join('\n'),
    });
    return text(markdown, WIDTH / 2, height);
  };
  if (alarms.all.length === 0) return [];
  return [[text('## When something is wrong', WIDTH, 1)], [table(0), table(1)]];
}
