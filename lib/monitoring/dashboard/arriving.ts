import { Duration } from 'aws-cdk-lib';
import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmSources } from '../alarm-definition';
import {
  BLUE,
  BROWN,
  coloured,
  GREEN,
  GREY,
  graph,
  latest,
  ORANGE,
  PINK,
  PURPLE,
  question,
  RED,
  totals,
} from './widgets';

const HOUR = Duration.hours(1);

/** Is money arriving? Lines, by who brought them, and what became of all that came. */
export function arriving({ parts, own, aws }: AlarmSources): IWidget[][] {
  const isReconciled = parts.reconciliation !== undefined;
  const pushed = coloured(own.linesDeliveredByPush({ period: HOUR }), GREEN);
  const recovered = coloured(own.linesRecovered({ period: HOUR }), ORANGE);
  const backfilled = coloured(own.linesBackfilled({ period: HOUR }), GREY);
  const now = [
    ...(parts.statusWatch ? [coloured(own.postbackActive(), GREEN, 'postback on (1 = yes)')] : []),
    ...(isReconciled ? [coloured(own.deliveryRate(), GREEN, 'of the lines by postback, %')] : []),
    coloured(aws.oldestMessage(), BLUE, 'oldest waiting message, s'),
    coloured(aws.deadLetters(), RED),
  ];
  return [
    [
      question(
        'Is money arriving?',
        'Green is what Rakuten sent and this endpoint took. Orange is what the Events API had to be asked for. No green for hours: see **SILENCE** in the runbook.',
      ),
    ],
    [
      totals(
        'Lines, in the time shown',
        12,
        isReconciled ? [pushed, recovered, backfilled] : [pushed],
      ),
      latest('Last seen', 12, now),
    ],
    [
      graph({
        title: 'Lines an hour, by who brought them',
        width: 12,
        left: isReconciled ? [pushed, recovered, backfilled] : [pushed],
        stacked: true,
        leftUnit: 'lines',
      }),
      graph({
        title: 'Postbacks per hour, by outcome',
        width: 12,
        left: [
          coloured(own.linesStored({ period: HOUR }), GREEN),
          coloured(own.duplicatesAbsorbed({ period: HOUR }), BROWN),
          coloured(own.otherPushesKept({ period: HOUR }), BLUE),
          coloured(own.linesChanged({ period: HOUR }), PURPLE),
          coloured(own.notAPostback({ period: HOUR }), PINK),
          coloured(own.probesSeen({ period: HOUR }), GREY),
        ],
        leftUnit: 'postbacks',
      }),
    ],
  ];
}
