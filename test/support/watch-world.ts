import {
  RecordConflictError,
  type TaskFailure,
  type WatchPorts,
  type WatchStore,
} from '../../core/status-watch/ports';
import type { Announcement, Gap, WatchRecord, WatchSettings } from '../../core/status-watch/record';
import { type WatchResult, watch } from '../../core/status-watch/watch';
import type { Installation } from './registration-world';

export const SETTINGS: WatchSettings = {
  onTakeover: 'REPORT',
  selfProbe: true,
  flappingAfter: 3,
  flappingWindowSeconds: 24 * 3600,
  reconciliationFunction: 'reconciliation',
};

/** The status watch of an installation, in virtual time, with what it said and asked for. */
export class Watch {
  readonly records = new Map<string, WatchRecord>();
  readonly said: Announcement[] = [];
  readonly failedTasks: TaskFailure[] = [];
  readonly asked: (Gap & { sid: string })[] = [];
  /** What is out of order. */
  readonly broken = new Set<'event bus' | 'reconciliation'>();

  constructor(
    private readonly installation: Installation,
    public settings: WatchSettings = SETTINGS,
  ) {}

  /** One run, with everything that it wrote or answered among the texts that people could read. */
  async run(ports: WatchPorts = this.ports()): Promise<WatchResult> {
    const { clock, texts } = this.installation.world;
    const result = await watch(ports, this.settings, clock.now() + 4.5 * 60_000);
    texts.push(
      JSON.stringify(result),
      JSON.stringify(this.said),
      JSON.stringify([...this.records.values()]),
    );
    return result;
  }

  ports(): WatchPorts {
    return {
      ...this.installation.ports(),
      store: this.store(),
      taskFailed: (failure) => {
        this.failedTasks.push(failure);
        this.installation.world.texts.push(JSON.stringify(failure));
      },
      announce: async (announcements) => {
        if (this.broken.has('event bus')) throw new Error('the event bus is out of order');
        this.said.push(...announcements);
      },
      reconcile: async (sid, gap) => {
        if (this.broken.has('reconciliation'))
          throw new Error('the reconciliation is out of order');
        this.asked.push({ sid, ...gap });
      },
    };
  }

  /** What was said since the last look. */
  heard(): string[] {
    return this.said.splice(0).map(({ detailType }) => detailType);
  }

  private store(): WatchStore {
    const { store } = this.installation;
    const { records } = this;
    return {
      readState: (sid) => store.readState(sid),
      writeState: (state, holder) => store.writeState(state, holder),
      probeSeen: (probe) => store.probeSeen(probe),
      readOutcome: (id) => store.readOutcome(id),
      writeOutcome: (id, outcome) => store.writeOutcome(id, outcome),
      acquireLease: (sid, holder, abandoned) => store.acquireLease(sid, holder, abandoned),
      renewLease: (sid, holder) => store.renewLease(sid, holder),
      releaseLease: (sid, holder) => store.releaseLease(sid, holder),
      readStates: async () => [...store.states.values()],
      readRecord: async (sid) => records.get(sid),
      writeRecord: async (record) => {
        if ((records.get(record.sid)?.revision ?? 0) !== record.revision)
          throw new RecordConflictError(record.sid);
        const next = JSON.parse(
          JSON.stringify({ ...record, revision: record.revision + 1 }),
        ) as WatchRecord;
        records.set(record.sid, next);
        return next;
      },
    };
  }
}
