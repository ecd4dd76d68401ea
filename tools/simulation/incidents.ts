import { Random } from '../../fake-rakuten/random';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What may go wrong for a while, and in words what it means here. */
const SPELLS = {
  'endpoint unreachable': { perMonth: 6, minutes: [4, 300], severity: [1, 1] },
  'endpoint answers 500': { perMonth: 5, minutes: [3, 60], severity: [0.2, 1] },
  'endpoint slow': { perMonth: 6, minutes: [5, 150], severity: [0.1, 1] },
  'slot taken over by a tracker': { perMonth: 2, minutes: [40, 1200], severity: [1, 1] },
  'consumer dying': { perMonth: 5, minutes: [10, 90], severity: [0.2, 0.9] },
  'consumer stopped': { perMonth: 2, minutes: [30, 480], severity: [1, 1] },
  'transaction table throttled': { perMonth: 5, minutes: [5, 60], severity: [0.3, 0.95] },
  'state table throttled': { perMonth: 3, minutes: [5, 40], severity: [0.3, 0.9] },
  'Events API failing': { perMonth: 6, minutes: [20, 420], severity: [0.3, 1] },
  'Events API with commissions of 0': { perMonth: 1, minutes: [180, 720], severity: [1, 1] },
  'Events API with gaps': { perMonth: 1, minutes: [60, 900], severity: [0.005, 0.01] },
  'Events API at its limit': { perMonth: 4, minutes: [10, 120], severity: [0.5, 0.97] },
  'management API failing': { perMonth: 4, minutes: [10, 120], severity: [0.2, 1] },
  'forged flood': { perMonth: 3, minutes: [5, 20], severity: [1, 1] },
} as const satisfies Record<
  string,
  { perMonth: number; minutes: readonly [number, number]; severity: readonly [number, number] }
>;

export type SpellKind = keyof typeof SPELLS;

/** What happens at a moment. */
const EVENTS = {
  'switched off by Rakuten without a reason': 3,
  'slot emptied in the portal': 2,
  'every token revoked': 3,
  'secret rotated': 4,
  'fields changed': 3,
  'deployment that another resource lets fail': 2,
  'registration killed in the middle': 2,
} as const satisfies Record<string, number>;

export type EventKind = keyof typeof EVENTS;

export interface Spell {
  readonly kind: SpellKind;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Which part of what could fail does, 0 to 1. */
  readonly severity: number;
}

export interface Happening {
  readonly kind: EventKind;
  readonly at: number;
}

/** The beginning is calm: an installation that never worked is another story. */
const CALM_START_MILLIS = 3 * HOUR;

/**
 * What goes wrong when.
 *
 * The same seed draws the same plan; with any seed everything happens at least once, and every
 * spell twice.
 */
export class Incidents {
  public readonly spells: readonly Spell[];
  public readonly happenings: readonly Happening[];
  private readonly byKind = new Map<SpellKind, Spell[]>();

  /**
   * @param start milliseconds since 1970
   * @param end after which nothing goes wrong any more
   */
  public constructor(seed: number, start: number, end: number) {
    const random = new Random(seed);
    this.spells = (Object.keys(SPELLS) as SpellKind[])
      .flatMap((kind) => spellsOf(kind, random, start + CALM_START_MILLIS, end))
      .sort(byTime);
    this.happenings = (Object.keys(EVENTS) as EventKind[])
      .flatMap((kind) => {
        const count = countIn(EVENTS[kind], end - start);
        const crises =
          kind === 'secret rotated'
            ? this.spells.filter((spell) => spell.kind === 'consumer dying')
            : [];
        return Array.from({ length: count }, () => ({
          kind,
          at: moment(random, start + CALM_START_MILLIS, end - HOUR, crises),
        }));
      })
      .sort((a, b) => a.at - b.at);
    for (const spell of this.spells)
      this.byKind.set(spell.kind, [...(this.byKind.get(spell.kind) ?? []), spell]);
  }

  /** The spell that lasts now, the hardest if there are several. */
  public now(kind: SpellKind, at: number): Spell | undefined {
    let hardest: Spell | undefined;
    for (const spell of this.byKind.get(kind) ?? []) {
      if (spell.from <= at && at < spell.to && spell.severity > (hardest?.severity ?? 0))
        hardest = spell;
    }
    return hardest;
  }

  /** How hard it is now, 0 to 1. */
  public severity(kind: SpellKind, at: number): number {
    return this.now(kind, at)?.severity ?? 0;
  }
}

const byTime = (a: Spell, b: Spell): number => a.from - b.from;

const countIn = (perMonth: number, millis: number): number =>
  Math.max(1, Math.round((perMonth * millis) / (30 * DAY)));

/** When the day's batches leave: what goes wrong then hurts most. */
const BATCHES_LEAVE_MILLIS = 22 * HOUR + 15 * MINUTE;
const HITS_BATCHES = 0.4;
/** For about so long they leave. */
const BATCHES_MILLIS = 90_000;

function beginning(random: Random, start: number, end: number, length: number): number {
  const anywhere = start + random.next() * (end - start - length);
  if (!random.chance(HITS_BATCHES)) return anywhere;
  const day = Math.floor(anywhere / DAY) * DAY;
  const from = day + BATCHES_LEAVE_MILLIS - random.next() * length;
  return Math.min(Math.max(from, start), end - length);
}

/**
 * @param crises in one of which it may come: a rotation is hardest while messages wait to be tried
 * again
 */
function moment(random: Random, start: number, end: number, crises: readonly Spell[]): number {
  if (crises.length > 0 && random.chance(0.5)) {
    const { from, to } = random.pick(crises);
    return Math.floor(from + random.next() * (to - from));
  }
  const anywhere = start + random.next() * (end - start);
  if (!random.chance(HITS_BATCHES)) return Math.floor(anywhere);
  const day = Math.floor(anywhere / DAY) * DAY;
  return Math.floor(
    Math.min(Math.max(day + BATCHES_LEAVE_MILLIS + random.next() * BATCHES_MILLIS, start), end),
  );
}

function spellsOf(kind: SpellKind, random: Random, start: number, end: number): Spell[] {
  const { perMonth, minutes, severity } = SPELLS[kind];
  return Array.from({ length: countIn(perMonth, end - start) + 1 }, () => {
    const longest = Math.min(minutes[1] * MINUTE, (end - start) / 6);
    // More short ones than long ones.
    const length =
      minutes[0] * MINUTE + random.next() ** 2 * Math.max(0, longest - minutes[0] * MINUTE);
    const from = beginning(random, start, end, length);
    return {
      kind,
      from,
      to: from + length,
      severity: severity[0] + random.next() * (severity[1] - severity[0]),
    };
  });
}
