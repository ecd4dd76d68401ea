import type { GraphWidget, IWidget } from 'aws-cdk-lib/aws-cloudwatch';
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
  PINK,
  PURPLE,
  question,
  RED,
} from './widgets';

/**
 * Is anything lost? On the way to the endpoint, behind it, and at Rakuten.
 * @param behindIt the graph of what could not be processed
 */
export function loss(sources: AlarmSources, alarms: Alarms, behindIt: IWidget): IWidget[][] {
  return [
    [
      question(
        'Is anything lost?',
        'A push that fails is not sent again, but Rakuten keeps the line: what is lost on the way comes back with the next hourly reconciliation, as long as that runs.',
      ),
    ],
    [...atTheEndpoint(sources), behindIt, dataQuality(sources, alarms)],
    [...onTheWay(sources, alarms), ...reconciling(sources, alarms), ...corrections(sources)],
    [...atRakuten(sources)],
  ].filter((row) => row.length > 0);
}

function onTheWay({ parts, own }: AlarmSources, alarms: Alarms): IWidget[] {
  if (parts.reconciliation === undefined) return [];
  return [
    graph({
      title: 'Delivered by a postback, of the lines that Rakuten has',
      width: 8,
      left: [coloured(own.deliveryRate(), GREEN, '%')],
      leftUnit: '%',
      max: 100,
      lines: [alarmLine(alarms, AlarmKind.PUSHES_LOST)],
    }),
  ];
}

function atTheEndpoint({ endpoint }: AlarmSources): IWidget[] {
  if (endpoint === undefined) return [];
  return [
    graph({
      title: 'The endpoint did not take',
      width: 8,
      left: [coloured(endpoint.serverErrors(), RED), coloured(endpoint.refusals(), ORANGE)],
      leftUnit: 'GETs',
    }),
  ];
}

/** What could not be processed. The pipes that are added later come into it by `showPipe`. */
export const unprocessed = ({ own, aws }: AlarmSources, alarms: Alarms): GraphWidget =>
  graph({
    title: 'Could not be processed',
    width: 8,
    left: [coloured(aws.deadLetters(), RED), coloured(own.messagesFailed(), ORANGE)],
    leftUnit: 'messages',
    lines: [alarmLine(alarms, AlarmKind.DEAD_LETTERS)],
  });

/** A table has two of them at most. */
const PIPE_COLOURS = [PURPLE, PINK];
const FAILURE_COLOURS = [BROWN, BLUE];

export function showPipe(graphed: GraphWidget, { aws, parts, pipe }: AlarmSources): void {
  if (pipe === undefined) return;
  const index = parts.pipes.indexOf(pipe);
  graphed.addLeftMetric(coloured(aws.givenUp(pipe), PIPE_COLOURS[index] ?? PURPLE));
  graphed.addLeftMetric(coloured(aws.pipeFailures(pipe), FAILURE_COLOURS[index] ?? BROWN));
}

const dataQuality = ({ parts, own }: AlarmSources, alarms: Alarms): IWidget =>
  graph({
    title: 'Data quality',
    width: 8,
    left: [
      coloured(own.forgedRejected(), RED),
      coloured(own.parseProblems(), ORANGE),
      coloured(own.foreignSids(), BROWN),
      coloured(own.pushesDiffering(), BLUE),
      ...(parts.reconciliation
        ? [coloured(own.linesUnverified(), PURPLE), coloured(own.eventsUnverified(), GREY)]
        : []),
    ],
    leftUnit: 'lines',
    lines: [alarmLine(alarms, AlarmKind.LINES_UNVERIFIED, 'alarm: missing, confirmed')],
  });

function reconciling({ parts, own }: AlarmSources, alarms: Alarms): IWidget[] {
  if (parts.reconciliation === undefined) return [];
  return [
    graph({
      title: 'Reconciliation',
      width: 8,
      left: [
        coloured(own.hoursSinceReconciliation(), BLUE),
        coloured(own.reconciliationsFailed(), RED),
        coloured(own.backfillProgress(), GREY),
      ],
      right: [coloured(own.linesReconciled(), BROWN), coloured(own.linesVerified(), GREEN)],
      leftUnit: 'hours, runs, %',
      rightUnit: 'lines',
      lines: [alarmLine(alarms, AlarmKind.RECONCILIATION_STALE, 'alarm: hours')],
    }),
  ];
}

/**
 * What the Events API changed of lines that it had verified, and what it returned that cannot be
 * used.
 */
function corrections({ parts, own }: AlarmSources): IWidget[] {
  if (parts.reconciliation === undefined) return [];
  return [
    graph({
      title: 'Corrections by the Events API',
      width: 8,
      left: [
        coloured(own.linesCorrected(), BLUE),
        coloured(own.linesWithdrawn(), PURPLE),
        coloured(own.unreadableAnswers(), ORANGE),
        coloured(own.reusedIds(), BROWN),
        coloured(own.reconciliationsBraked(), RED),
      ],
      leftUnit: 'lines, runs',
    }),
  ];
}

function atRakuten({ parts, own }: AlarmSources): IWidget[] {
  if (parts.statusWatch === undefined) return [];
  return [
    graph({
      title: 'The slot at Rakuten: on (1) or not (0)',
      width: 12,
      left: [coloured(own.postbackActive(), GREEN)],
      max: 1,
    }),
    graph({
      title: 'What the status watch found, and did',
      width: 12,
      left: [
        coloured(own.postbackDisabled(), ORANGE),
        coloured(own.postbackMissing(), BROWN),
        coloured(own.postbackTakenOver(), RED),
        coloured(own.postbackOutdated(), PINK),
        coloured(own.postbackFlapping(), PURPLE),
        coloured(own.statusCheckFailed(), GREY),
        coloured(own.watchTasksFailed(), BLUE),
        coloured(own.postbackRestored(), GREEN),
      ],
      leftUnit: 'looks',
    }),
  ];
}
