import type { HorizontalAnnotation, IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmSources } from '../alarm-definition';
import { AlarmKind } from '../alarm-kind';
import type { Alarms } from '../alarms';
import {
  alarmLine,
  BLUE,
  BROWN,
  coloured,
  GREEN,
  GREY,
  graph,
  ORANGE,
  question,
  RED,
} from './widgets';

/** As long Rakuten waits, its own way to the endpoint included. */
const RAKUTEN_WAITS_MILLIS = 400;

/**
 * Is it fast enough? Until the acknowledgement, which Rakuten waits for, and until the row, which
 * members wait for.
 */
export function speed(sources: AlarmSources, alarms: Alarms): IWidget[][] {
  return [
    [
      question(
        'Is it fast enough?',
        'Rakuten waits 400 ms for the acknowledgement, its own way here included. API Gateway counts from the arrival of the request; our own GET also has DNS and TLS in it.',
      ),
    ],
    [...acknowledged(sources, alarms), ...probed(sources)],
    [queued(sources, alarms), consumed(sources)],
  ].filter((row) => row.length > 0);
}

const limit: HorizontalAnnotation = {
  value: RAKUTEN_WAITS_MILLIS,
  label: 'Rakuten gives up',
  color: GREY,
};

function acknowledged({ endpoint }: AlarmSources, alarms: Alarms): IWidget[] {
  if (endpoint === undefined) return [];
  return [
    graph({
      title: 'Acknowledged after, at API Gateway',
      width: 12,
      left: [
        coloured(endpoint.latency(50), GREEN),
        coloured(endpoint.latency(99), ORANGE),
        coloured(endpoint.integrationLatency(99), BROWN),
      ],
      leftUnit: 'ms',
      lines: [alarmLine(alarms, AlarmKind.SLOW_ACKNOWLEDGEMENT), limit],
    }),
  ];
}

function probed({ parts, own }: AlarmSources): IWidget[] {
  if (!parts.statusWatch?.selfProbe) return [];
  return [
    graph({
      title: 'Acknowledged after, as seen from outside',
      width: 12,
      left: [
        coloured(own.probeLatency(), GREEN, 'median'),
        coloured(own.probeLatency({ statistic: 'Maximum' }), ORANGE, 'longest'),
      ],
      right: [coloured(own.probeFailed(), RED)],
      leftUnit: 'ms',
      rightUnit: 'GETs',
      lines: [limit],
    }),
  ];
}

const queued = ({ aws }: AlarmSources, alarms: Alarms): IWidget =>
  graph({
    title: 'Until a line is a row',
    width: 12,
    left: [coloured(aws.oldestMessage(), BLUE)],
    right: [coloured(aws.waiting(), GREY)],
    leftUnit: 'seconds',
    rightUnit: 'messages',
    lines: [alarmLine(alarms, AlarmKind.OLDEST_MESSAGE)],
  });

const consumed = ({ parts, aws }: AlarmSources): IWidget =>
  graph({
    title: 'The consumer',
    width: 12,
    left: [
      coloured(aws.duration(parts.consumer, 'p50', 'p50'), GREEN),
      coloured(aws.duration(parts.consumer, 'p99', 'p99'), ORANGE),
    ],
    right: [
      coloured(aws.errors(parts.consumer), RED),
      coloured(aws.throttles(parts.consumer), BROWN),
      ...(parts.tableName === undefined
        ? []
        : [aws.throttledWrites(parts.tableName).with({ color: BLUE })]),
    ],
    leftUnit: 'ms',
    rightUnit: 'invocations, writes',
  });
