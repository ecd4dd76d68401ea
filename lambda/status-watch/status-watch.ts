import type { Context } from 'aws-lambda';
import type { TaskFailure, WatchPorts } from '../../core/status-watch/ports';
import type { WatchSettings } from '../../core/status-watch/record';
import { type WatchResult, watch } from '../../core/status-watch/watch';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import { activeMetrics, checkMetrics, latencyMetrics } from './watch-metrics';

export interface StatusWatchParts {
  readonly settings: WatchSettings;
  readonly ports: Omit<WatchPorts, 'log' | 'taskFailed'>;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Kept of the function's time for saying what was found. */
const MARGIN_MILLIS = 15_000;

/** One run over all publishers of the installation. */
export class StatusWatch {
  constructor(private readonly parts: StatusWatchParts) {}

  async handle(context: Context): Promise<WatchResult> {
    const { ports, settings, metrics } = this.parts;
    const log = this.parts.log.of(context);
    const endUntil = ports.clock.now() + context.getRemainingTimeInMillis() - MARGIN_MILLIS;
    let failedTasks = 0;
    const taskFailed = ({ message, ...fields }: TaskFailure): void => {
      failedTasks += 1;
      log.error(message, fields);
    };
    const result = await watch(
      { ...ports, log: (message, fields) => log.info(message, fields), taskFailed },
      settings,
      endUntil,
    );
    for (const check of result.checks) {
      if (check.problem !== undefined)
        log.error('check failed', { sid: check.sid, reason: check.problem });
      metrics.write(activeMetrics(check), 'None');
    }
    metrics.write(checkMetrics(result, failedTasks));
    metrics.write(latencyMetrics(result), 'Milliseconds');
    log.info('status watch', {
      checks: result.checks.map(({ sid, finding, plan, restored }) => ({
        sid,
        finding,
        plan,
        restored,
      })),
      probe: result.probe,
    });
    return result;
  }
}
