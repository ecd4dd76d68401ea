import Table from 'cli-table3';
import colors from 'picocolors';
import { LatencyHistogram } from '../../local/gateway/latency';
import type { LoadResult } from './run';
import { ALLOWED, type Measure, type Sample, trendOf } from './series';

const MEASURES: readonly (readonly [Measure, string, 'MB' | ''])[] = [
  ['heap', 'heap of sender and endpoint', 'MB'],
  ['dynamodb', 'heap of the DynamoDB server', 'MB'],
  ['sqs', 'heap of the SQS server', 'MB'],
  ['process', 'memory of the process without it', 'MB'],
  ['consumer', 'memory of a consumer', 'MB'],
  ['files', 'open files and sockets', ''],
  ['consumerFiles', 'the same of a consumer', ''],
  ['resources', 'timers and requests at work', ''],
];

/** Errors of the run, in words. Empty for a good one. */
export function complaints({
  samples,
  pushes,
  lines,
  stored,
  again,
  deadLetters,
  differences,
}: LoadResult): string[] {
  const wrong = [...differences];
  if (pushes.acknowledged !== pushes.sent)
    wrong.push(
      `${pushes.sent - pushes.acknowledged} of ${pushes.sent} pushes were not acknowledged`,
    );
  if (stored !== lines)
    wrong.push(`${lines} lines were sent, the consumer counted ${stored} new rows`);
  if (stored + again < pushes.acknowledged) {
    wrong.push(
      `Rakuten saw ${pushes.acknowledged} acknowledged, the consumer counted ${stored} new and ${again} that were there already`,
    );
  }
  if (deadLetters > 0) wrong.push(`${deadLetters} messages are in the dead-letter queue`);
  for (const [measure, name] of MEASURES)
    if (measure !== 'dynamodb' && !trendOf(samples, measure).isFlat) wrong.push(`${name} grew`);
  return wrong;
}

export function summary(result: LoadResult): string {
  const { samples, pushes, lines, stored, again, sendingSeconds } = result;
  const latency = new LatencyHistogram();
  for (const millis of pushes.acknowledgedMillis) latency.record(millis);
  const minutes = (samples.at(-1)?.seconds ?? 0) / 60;
  const table = new Table({
    head: ['', 'early', 'late', 'slope an hour', 'allowed', ''],
    style: { head: [], border: [] },
  });
  for (const [measure, name, unit] of MEASURES) {
    const { early, late, perHour, isFlat } = trendOf(samples, measure);
    const { share, amount } = ALLOWED[measure];
    const allowed = amountText(Math.max(share * early, amount), unit);
    table.push([
      name,
      amountText(early, unit),
      amountText(late, unit),
      signed(perHour, unit),
      `+${allowed}`,
      measure === 'dynamodb' ? 'not judged' : isFlat ? colors.green('flat') : colors.red('grows'),
    ]);
  }
  return [
    `  Ran                 ${minutes.toFixed(1)} minutes, ${samples.length} rounds; ${(pushes.sent / sendingSeconds).toFixed(0)} postbacks a second while sending`,
    `  Rakuten             ${pushes.sent} sent, ${pushes.acknowledged} acknowledged; p50 ${latency.percentile(0.5).toFixed(1)} ms, p99 ${latency.percentile(0.99).toFixed(1)} ms, longest ${latency.max.toFixed(0)} ms`,
    `  Consumer            ${stored} new rows of ${lines} lines, ${again} deliveries of lines that were there; ${result.failed} tries failed and came again`,
    `  Table               ${result.differences.length === 0 ? 'exact after each round' : colors.red('not exact, see below')}`,
    '',
    table.toString(),
  ].join('\n');
}

export const sampleLine = ({
  seconds,
  sent,
  heap,
  dynamodb,
  sqs,
  process,
  consumer,
  files,
  resources,
}: Sample): string =>
  `${(seconds / 60).toFixed(1).padStart(5)} min  ${String(sent).padStart(8)} sent  heap ${amountText(heap, 'MB')}  dynamodb ${amountText(dynamodb, 'MB')}  sqs ${amountText(sqs, 'MB')}  process ${amountText(process, 'MB')}  consumer ${amountText(consumer, 'MB')}  files ${files}  at work ${resources}`;

const amountText = (amount: number, unit: 'MB' | ''): string =>
  unit === 'MB' ? `${(amount / 1e6).toFixed(1)} MB` : amount.toFixed(0);
const signed = (amount: number, unit: 'MB' | ''): string =>
  `${amount < 0 ? '−' : '+'}${unit === 'MB' ? amountText(Math.abs(amount), unit) : Math.abs(amount).toFixed(1)}`;
