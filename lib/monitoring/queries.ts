import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { MonitoredParts } from './monitored-parts';

interface SavedQuery {
  readonly name: string;
  readonly logGroups: logs.ILogGroup[];
  /** How to use it; stands above the query. */
  readonly hint?: string;
  /** Commands of the query. */
  readonly lines: readonly string[];
}

/**
 * Saves the questions that an operator asks the logs, in CloudWatch Logs Insights under the
 * installation's name.
 */
export function saveQueries(scope: Construct, installation: string, parts: MonitoredParts): void {
  for (const { name, logGroups, hint, lines } of queriesOf(parts)) {
    // The CloudFormation resource itself: CDK's builder of queries knows no comments.
    new logs.CfnQueryDefinition(scope, name.replace(/\W/g, ''), {
      name: `${installation}/${name}`,
      queryString: `${hint === undefined ? '' : `# ${hint}\n`}${lines.join('\n| ')}`,
      logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
    });
  }
}

function queriesOf({
  consumer,
  registration,
  reconciliation,
  statusWatch,
}: MonitoredParts): SavedQuery[] {
  const consuming = [consumer.logGroup];
  const reconciling = reconciliation ? [reconciliation.function.logGroup] : [];
  const watching = statusWatch ? [statusWatch.function.logGroup] : [];
  const all = [...consuming, registration.logGroup, ...reconciling, ...watching];
  const queries: SavedQuery[] = [
    {
      name: 'Follow one postback',
      logGroups: [...consuming, ...reconciling],
      hint: 'Put the id in twice: request_id of the row, or x-amz-apigw-id of the answer to the GET. Of a line that a reconciliation brought it is the id of the run.',
      lines: [
        'fields @timestamp, service, message, outcome, reason, requestId, runId, messageId',
        "filter requestId = 'PUT THE ID HERE' or runId = 'PUT THE ID HERE'",
        'sort @timestamp asc',
      ],
    },
    {
      name: 'Messages that failed and why',
      logGroups: consuming,
      lines: [
        "filter message = 'message failed'",
        'stats count(*) as attempts, count_distinct(messageId) as messages, max(@timestamp) as last by reason',
        'sort attempts desc',
      ],
    },
    {
      name: 'GETs that were rejected',
      logGroups: consuming,
      lines: [
        "filter message = 'rejected'",
        'stats count(*) as gets, min(@timestamp) as first, max(@timestamp) as last by reason, sourceIp',
        'sort gets desc',
      ],
    },
    {
      name: 'Lines by hour',
      logGroups: consuming,
      hint: 'The longest gap in some weeks is the silence that is usual for this account: what the threshold of the alarm SILENCE should be above.',
      lines: [
        "filter message = 'line' and outcome = 'stored'",
        'stats count(*) as lines by bin(1h) as hour',
        'sort hour desc',
      ],
    },
    {
      name: 'Warnings and errors',
      logGroups: all,
      lines: [
        'fields @timestamp, service, level, message, reason, sid',
        "filter level in ['WARN', 'ERROR', 'FATAL']",
        'sort @timestamp desc',
        'limit 200',
      ],
    },
  ];
  if (reconciliation) {
    queries.push(
      {
        name: 'Reconciliations',
        logGroups: reconciling,
        lines: [
          'fields @timestamp, sid, reason, outcome, from, to, unverified.confirmed, braked, runId',
          "filter message in ['reconciliation', 'reconciliation failed', 'not reconciled']",
          'sort @timestamp desc',
        ],
      },
      {
        name: "Calls of Rakuten's Events API",
        logGroups: reconciling,
        lines: [
          "filter message = 'Rakuten call'",
          'stats count(*) as calls by bin(1h) as hour, status',
          'sort hour desc',
        ],
      },
    );
  }
  if (statusWatch) {
    queries.push({
      name: 'What the status watch found',
      logGroups: watching,
      lines: [
        'fields @timestamp, checks.0.sid as sid, checks.0.finding as finding, checks.0.plan as plan, checks.0.restored as restored, probe.status, probe.millis',
        "filter message = 'status watch'",
        'sort @timestamp desc',
      ],
    });
  }
  return queries;
}
