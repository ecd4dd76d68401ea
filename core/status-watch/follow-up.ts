import { errorText } from '../errors';
import { Redactor } from '../rakuten/api/redact';
import { sanitizeError } from '../registration/sanitize-error';
import { unknownAnnouncement } from './announcements';
import type { WatchPorts } from './ports';
import { newRecord, type WatchRecord, withAnnouncement } from './record';

/** So many failed checks in a row are said on the event bus: one alone is mostly Rakuten's or the network's hiccup. */
const FAILURES_TOLD = 3;
const LONGEST_REASON = 500;

/**
 * Says what is in the outbox and asks for what was lost, and takes both off the record where that went well. What did not go well stays for the next check: the
 * postback itself does not depend on it.
 */
export async function deliver(ports: WatchPorts, record: WatchRecord): Promise<void> {
  const { outbox, gap, sid } = record;
  if (outbox.length === 0 && gap === undefined) return;
  const told = outbox.length === 0 || (await succeeds(ports, sid, 'event not sent', () => ports.announce(outbox)));
  const asked =
    gap === undefined ||
    ports.reconcile === undefined ||
    (await succeeds(ports, sid, 'reconciliation not requested', async () => ports.reconcile?.(sid, gap)));
  if (!told && !asked) return;
  await ports.store.writeRecord({ ...record, outbox: told ? [] : outbox, gap: asked ? undefined : gap }, ports.clock.now());
}

/** Counts a check that could not be made, and says so when it was not the first. */
export async function noteFailure(ports: WatchPorts, sid: string, reason: string): Promise<void> {
  await succeeds(ports, sid, 'failure not noted', async () => {
    const earlier = (await ports.store.readRecord(sid)) ?? newRecord(sid);
    const failures = (earlier.failures ?? 0) + 1;
    let record: WatchRecord = { ...earlier, failures };
    if (failures === FAILURES_TOLD) record = withAnnouncement(record, unknownAnnouncement(sid, failures, reason.slice(0, LONGEST_REASON)));
    await deliver(ports, await ports.store.writeRecord(record, ports.clock.now()));
  });
}

async function succeeds(ports: WatchPorts, sid: string, message: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    ports.taskFailed({ message, sid, reason: reasonOf(error) });
    return false;
  }
}

/** Name and message of an error, for the log. */
export function reasonOf(error: unknown, redactor = new Redactor()): string {
  return errorText(sanitizeError(error, redactor)).slice(0, LONGEST_REASON);
}
