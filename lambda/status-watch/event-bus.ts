import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { WATCH_EVENTS } from '../../core/names';
import type { Announcement } from '../../core/status-watch/record';

/** EventBridge takes so many events in one call. */
const EVENTS_PER_CALL = 10;

/**
 * Says announcements on the account's default event bus. Rejects when one of them was not taken;
 * all of them are then said again.
 */
export function onEventBus(
  client: Pick<EventBridgeClient, 'send'>,
  installation: string,
): (announcements: readonly Announcement[]) => Promise<void> {
  return async (announcements) => {
    for (let start = 0; start < announcements.length; start += EVENTS_PER_CALL) {
      const entries = announcements
        .slice(start, start + EVENTS_PER_CALL)
        .map(({ detailType, detail }) => ({
          Source: WATCH_EVENTS.source,
          DetailType: detailType,
          Detail: JSON.stringify({ installation, ...detail }),
        }));
      const { FailedEntryCount = 0, Entries = [] } = await client.send(
        new PutEventsCommand({ Entries: entries }),
      );
      if (FailedEntryCount > 0) {
        const { ErrorCode, ErrorMessage } = Entries.find((entry) => entry.ErrorCode) ?? {};
        throw new Error(
          `EventBridge rejected ${FailedEntryCount} of ${entries.length} events: ${ErrorCode} ${ErrorMessage ?? ''}`,
        );
      }
    }
  };
}
