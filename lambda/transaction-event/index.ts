import type { Context } from 'aws-lambda';
import type { StreamRecord } from '../../core/change-events/event';
import { type TransactionEvent, transactionEvent } from '../../core/change-events/event';
import type { EventFilter } from '../../core/change-events/event-filter';
import { matchesFilter } from '../../core/change-events/matches-filter';
import { ENVIRONMENT } from '../../core/names';
import { requireEnv, requireJsonEnv } from '../shared/environment';
import { Log } from '../shared/log';

const filter = requireJsonEnv<EventFilter>(ENVIRONMENT.transactionFilter);
const log = new Log(requireEnv(ENVIRONMENT.metricsService));

/**
 * Converts a pipe's batch of stream records to change events.
 *
 * The pipe sends the result to its target; an empty one sends nothing. An unreadable record fails
 * the batch, which the pipe then divides until that record is alone.
 */
export async function handler(
  records: readonly StreamRecord[],
  context: Context,
): Promise<TransactionEvent[]> {
  try {
    const events = records
      .flatMap((record) => transactionEvent(record) ?? [])
      .filter((event) => matchesFilter(filter, event));
    log.of(context).info('events', { records: records.length, events: events.length });
    return events;
  } catch (error) {
    log
      .of(context)
      .error('unreadable stream record', { reason: String(error), records: records.length });
    throw error;
  }
}
