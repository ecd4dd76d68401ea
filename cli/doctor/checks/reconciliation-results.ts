import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ENVIRONMENT, METRICS, METRICS_NAMESPACE } from '../../../core/names';
import { CheckSkippedError } from '../../errors';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, skipped, together } from '../finding';
import { metricsOver } from '../metrics';

const DAY_MILLIS = 24 * 60 * 60_000;

/** Results of the reconciliations that an operator has to decide on, from their metrics. */
export const reconciliationResults: Check = {
  area: 'Schedules',
  name: 'Reconciled, 24 hours',
  permissions: ['cloudwatch:GetMetricData', 'lambda:GetFunctionConfiguration'],
  stackOnly: true,
  run: async (examination) => {
    const { reconciliationFunctionName: name } = (await examination.installation()).resources;
    if (name === '') return skipped('there is no such function');
    if (name === undefined)
      throw new CheckSkippedError('not checked, as the function is not found in the stack');
    const dimensions = { service: await serviceOf(examination, name) };
    const names = [METRICS.brake, METRICS.unreadableAnswers, METRICS.reusedIds];
    const [braked = 0, unreadable = 0, reused = 0] = await metricsOver(
      examination,
      DAY_MILLIS,
      names.map((name) => ({
        namespace: METRICS_NAMESPACE,
        name,
        dimensions,
        statistic: 'Sum' as const,
      })),
    );
    return judgeResults({ braked, unreadable, reused });
  },
};

/** Under which name the functions of this installation publish their metrics. */
async function serviceOf(examination: Examination, FunctionName: string): Promise<string> {
  const client = new LambdaClient(await examination.aws('lambda'));
  const { Environment } = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return Environment?.Variables?.[ENVIRONMENT.metricsService] ?? '';
}

interface Results {
  /** Runs. */
  readonly braked: number;
  /** Answers of the Events API. */
  readonly unreadable: number;
  readonly reused: number;
}

export function judgeResults({ braked, unreadable, reused }: Results): Finding {
  const findings: Finding[] = [];
  if (braked > 0) {
    findings.push(
      problem(
        `${counted(braked, 'run')} would have changed too many verified lines, and changed none`,
        'cdk-rakuten-postback reconcile --from DAY --dry-run shows the changes; with --accept-changes instead it applies them',
      ),
    );
  }
  if (unreadable > 0) {
    findings.push(
      problem(
        `${counted(unreadable, 'answer')} of the Events API with a field that cannot be read`,
        'cdk-rakuten-postback reconcile --from yesterday --dry-run lists them; docs/runbook/unreadable-answers.md',
      ),
    );
  }
  if (reused > 0) {
    findings.push(
      problem(
        `${counted(reused, 'answer')} with another advertiser, order or SKU than the line had`,
        'cdk-rakuten-postback reconcile --from yesterday --dry-run lists them; docs/runbook/reused-ids.md',
      ),
    );
  }
  return findings.length === 0
    ? ok('nothing held back, every answer usable')
    : together(...findings);
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;
