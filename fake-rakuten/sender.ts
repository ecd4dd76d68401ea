import * as http from 'node:http';
import * as https from 'node:https';
import { isRowField } from '../core/rakuten/postback/fields';
import { DEFAULT_MODES, type Modes } from './modes';
import { escaped, printed } from './printing';
import type { Slots } from './slots';
import type { LineRecord, PushResult, PushStatistics } from './types';

/** One GET with a time limit. Never rejects. */
export type PushSend = (url: string, timeoutMillis: number) => Promise<PushResult>;

type Counters = {
  -readonly [K in keyof PushStatistics]: PushStatistics[K] extends number ? number : number[];
};

/**
 * Sends lines to the registered URL as Rakuten does: one GET, a hard time limit, no second attempt,
 * and off after repeated failure.
 */
export class Sender {
  private readonly counters = new Map<string, Counters>();

  public constructor(
    private readonly slots: Slots,
    private readonly timeoutMillis: number,
    private readonly autoDisableAfter: number,
    private readonly get: PushSend = getOnce,
    private readonly modesOf: (sid: string) => Modes = () => DEFAULT_MODES,
  ) {}

  public async push(line: LineRecord): Promise<PushResult> {
    const sid = line.sid ?? '';
    const counters = this.countersOf(sid);
    const slot = this.slots.get(sid);
    if (slot === undefined || !slot.active) {
      counters.skipped += 1;
      return { millis: 0, skipped: slot === undefined ? 'no postback' : 'disabled' };
    }
    counters.sent += 1;
    const result = await this.get(
      fillTemplate(slot.url, line, this.modesOf(sid)),
      this.timeoutMillis,
    );
    this.count(sid, counters, result);
    return result;
  }

  public statistics(sid: string): PushStatistics {
    return { ...this.countersOf(sid) };
  }

  /** A person or a program that enables the postback gets the full count of failures again. */
  public forgive(sid: string): void {
    this.countersOf(sid).consecutiveFailures = 0;
  }

  private count(sid: string, counters: Counters, result: PushResult): void {
    if (result.status === 200) {
      counters.acknowledged += 1;
      counters.acknowledgedMillis.push(result.millis);
      counters.consecutiveFailures = 0;
      return;
    }
    if (result.status !== undefined) counters.refused += 1;
    else if (result.error === 'timeout') counters.timeouts += 1;
    else counters.unreachable += 1;
    counters.consecutiveFailures += 1;
    const slot = this.slots.get(sid);
    if (counters.consecutiveFailures < this.autoDisableAfter || slot === undefined || !slot.active)
      return;
    counters.autoDisabled += 1;
    this.slots.set(sid, { ...slot, active: false });
  }

  private countersOf(sid: string): Counters {
    let counters = this.counters.get(sid);
    if (counters === undefined) {
      counters = {
        sent: 0,
        acknowledged: 0,
        timeouts: 0,
        unreachable: 0,
        refused: 0,
        skipped: 0,
        autoDisabled: 0,
        consecutiveFailures: 0,
        acknowledgedMillis: [],
      };
      this.counters.set(sid, counters);
    }
    return counters;
  }
}

/** Each `<field>` becomes the line's value, or nothing where there is none. Unknown tokens stay. */
export function fillTemplate(
  template: string,
  line: LineRecord,
  modes: Modes = DEFAULT_MODES,
): string {
  const values = printed(line, 'push', modes, Date.parse(line.process_date ?? ''));
  return template.replace(/<(\w+)>/g, (token, name: string) =>
    isRowField(name) ? escaped(values[name] ?? '', modes) : token,
  );
}

export function getOnce(url: string, timeoutMillis: number): Promise<PushResult> {
  const started = performance.now();
  const millis = (): number => Math.round((performance.now() - started) * 100) / 100;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (result: Omit<PushResult, 'millis'>): void => {
      clearTimeout(timer);
      resolve({ ...result, millis: millis() });
    };
    try {
      const client = url.startsWith('https:') ? https : http;
      // `agent: false` makes a new connection, as a sender far away with many endpoints would.
      const request = client.get(
        url,
        { agent: false, headers: { 'user-agent': 'fake-rakuten' } },
        (response) => {
          response.on('end', () => end({ status: response.statusCode ?? 0 }));
          response.on('error', (error: NodeJS.ErrnoException) =>
            end({ error: error.code ?? error.message }),
          );
          response.resume();
        },
      );
      request.on('error', (error: NodeJS.ErrnoException) =>
        end({ error: error.code ?? error.message }),
      );
      timer = setTimeout(() => {
        end({ error: 'timeout' });
        request.destroy();
      }, timeoutMillis);
    } catch (error) {
      // A URL that cannot be called at all, such as `test.com`.
      end({ error: (error as NodeJS.ErrnoException).code ?? String(error) });
    }
  });
}
