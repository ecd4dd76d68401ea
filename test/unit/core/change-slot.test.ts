import type { Slot } from '../../../core/rakuten/api/client';
import { changeSlot, lookFor, putBack, putSlot } from '../../../core/registration/change-slot';
import type { Run } from '../../../core/registration/run';
import { isSameSlot, isSameUrl } from '../../../core/registration/slot-url';
import type { Fault } from '../../../fake-rakuten';
import { kindOf, problemOf, SlotRun } from '../../support/slot-run';

const SECONDS = 1000;
const FOR_EVER = 10_000;
const TRACKER: Slot = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};

let world: SlotRun;
let run: Run;
let wanted: Slot;
/** What was shown to the one who decides, right before each write. */
let asked: (Slot | undefined)[];
/** What may be overwritten. */
let allowed: (slot: Slot | undefined) => boolean;
beforeEach(async () => {
  world = new SlotRun();
  run = await world.open();
  wanted = world.ours();
  asked = [];
  allowed = () => true;
});

const change = (endUntil?: number): Promise<Slot | undefined> =>
  changeSlot(
    run,
    {
      wanted,
      reached: (slot) => isSameSlot(slot, wanted),
      approve: async (slot) => {
        asked.push(slot);
        if (!allowed(slot)) throw new Error('taken');
      },
      write: putSlot(run, wanted),
    },
    endUntil,
  );
const isOurs = (slot: Slot): boolean => isSameUrl(slot.url, wanted.url);
const inSeconds = (seconds: number): number => world.world.clock.now() + seconds * SECONDS;

describe('a change of the slot', () => {
  it('that is as wanted already is no write, and nobody is asked', async () => {
    world.slot = wanted;
    expect(await change()).toEqual(wanted);
    expect([world.calls(), asked]).toEqual([['GET'], []]);
  });

  it.each<[string, () => Slot | undefined, string]>([
    ['nothing', () => undefined, 'POST'],
    ['a tracker', () => TRACKER, 'PUT'],
    ['our URL switched off', () => ({ ...wanted, active: false }), 'PUT'],
  ])('over %s is approved, made once, and checked', async (_what, there, method) => {
    const found = there();
    world.slot = found;
    expect(await change()).toEqual(wanted);
    expect(world.slot).toEqual(wanted);
    expect([world.calls(), asked]).toEqual([['GET', method, 'GET'], [found]]);
    expect(world.elapsedMillis()).toBeLessThan(SECONDS);
  });

  it.each<[string, Fault, string[]]>([
    ['got lost after the effect', { connection: 'drop', afterEffect: true }, ['POST']],
    ['was cut off after the effect', { connection: 'truncate' }, ['POST']],
    ['was a 502 after the effect', { status: 502, afterEffect: true }, ['POST']],
    ['got lost before the effect', { connection: 'drop' }, ['POST', 'POST']],
    ['never came', { connection: 'hang' }, ['POST', 'POST']],
    ['was a 503', { status: 503 }, ['POST', 'POST']],
    ['was an error page', { status: 200, body: '<html>Sorry</html>' }, ['POST', 'POST']],
  ])('whose answer %s is looked for before it is made again', async (_what, fault, writes) => {
    world.fault({ operation: 'create', ...fault });
    expect(await change()).toEqual(wanted);
    expect([world.slot, world.writes()]).toEqual([wanted, writes]);
    // Between two writes the slot is read, and shown to the one who decides.
    expect(world.calls().join()).not.toMatch(/POST,POST/);
    expect(asked).toEqual(writes.map(() => undefined));
  });

  it('whose answer got lost is not made again over somebody who came in between', async () => {
    world.fault({ operation: 'create', connection: 'drop' });
    allowed = (slot) => slot === undefined;
    world.after('POST', 1, () => {
      world.slot = TRACKER;
    });
    expect((await problemOf(change())).message).toBe('taken');
    expect([world.slot, world.writes(), asked]).toEqual([TRACKER, ['POST'], [undefined, TRACKER]]);
  });

  it('is a POST where somebody emptied the slot between the look and the PUT', async () => {
    world.slot = TRACKER;
    world.after('GET', 1, () => {
      world.slot = undefined;
    });
    expect(await change()).toEqual(wanted);
    expect([world.slot, world.writes(), asked]).toEqual([
      wanted,
      ['PUT', 'POST'],
      [TRACKER, undefined],
    ]);
  });

  it('is a PUT where somebody filled the slot between the look and the POST, if that may be', async () => {
    world.after('GET', 1, () => {
      world.slot = TRACKER;
    });
    expect(await change()).toEqual(wanted);
    expect([world.slot, world.writes(), asked]).toEqual([
      wanted,
      ['POST', 'PUT'],
      [undefined, TRACKER],
    ]);
  });

  it.each([
    [1, ['POST', 'POST', 'PUT']],
    [2, ['POST', 'POST', 'POST', 'PUT']],
  ])(
    'sees who filled the slot although the status call lags by %d reads more',
    async (lag, writes) => {
      world.world.rakuten.behaviour.staleReads = lag + 1;
      world.slot = TRACKER;
      expect(await change()).toEqual(wanted);
      expect([world.slot, world.writes()]).toEqual([wanted, writes]);
    },
  );

  it('that creates is believed to be refused after four looks, within seconds', async () => {
    world.fault({
      operation: 'create',
      status: 400,
      times: FOR_EVER,
      body: '{"message":"url is not allowed"}',
    });
    expect((await problemOf(change())).message).toContain('url is not allowed');
    expect(world.calls()).toEqual(['GET', 'POST', 'GET', 'POST', 'GET', 'POST', 'GET', 'POST']);
    expect(world.elapsedMillis()).toBeLessThan(10 * SECONDS);
    expect(world.slot).toBeUndefined();
  });

  it('that creates may get an answer lost again and again without being taken for refused', async () => {
    world.fault({ operation: 'create', connection: 'drop', times: 6 });
    expect(await change()).toEqual(wanted);
    expect(world.writes()).toHaveLength(7);
  });

  it.each<[string, Slot | undefined, Fault, string, number]>([
    ['a PUT that is refused', TRACKER, { operation: 'update', status: 400 }, 'refused', 1],
    ['a redirect', undefined, { operation: 'create', status: 302 }, 'refused', 1],
    [
      'missing rights',
      TRACKER,
      { operation: 'update', status: 403, body: 'permission denied' },
      'forbidden',
      2,
    ],
    [
      'missing rights to create',
      undefined,
      { operation: 'create', status: 403, body: 'permission denied' },
      'forbidden',
      2,
    ],
    [
      'a token that is refused, a new one too',
      TRACKER,
      { operation: 'update', status: 401 },
      'unauthorized',
      2,
    ],
  ])('ends with %s: looking again would not help', async (_what, there, fault, kind, tries) => {
    world.slot = there;
    world.fault({ times: FOR_EVER, ...fault });
    expect(kindOf(await problemOf(change()))).toBe(kind);
    expect([world.slot, world.reads(), world.writes().length]).toEqual([there, 1, tries]);
  });

  it('ends with what goes wrong while it is decided, whatever that is', async () => {
    allowed = () => {
      throw new TypeError('a mistake of ours');
    };
    expect((await problemOf(change())).message).toBe('a mistake of ours');
    expect(world.writes()).toEqual([]);
  });

  it('ends with what is no error of Rakuten at once', async () => {
    const write = (): Promise<void> => Promise.reject(new Error('no memory'));
    const problem = problemOf(
      changeSlot(run, { wanted, reached: () => false, approve: async () => {}, write }),
    );
    expect((await problem).message).toBe('no memory');
    expect(world.calls()).toEqual(['GET']);
  });

  it('is waited for while the status call lags, more and more patiently', async () => {
    world.world.rakuten.behaviour.staleReads = 15;
    expect(await change()).toEqual(wanted);
    expect([world.reads(), world.writes()]).toEqual([17, ['POST']]);
    expect(world.elapsedMillis()).toBeGreaterThan(20 * SECONDS);
    expect(world.elapsedMillis()).toBeLessThan(60 * SECONDS);
  });

  it('that Rakuten acknowledged and does not show is said so after a minute, with what is there', async () => {
    world.world.rakuten.behaviour.staleReads = FOR_EVER;
    const { name, message } = await problemOf(change());
    expect(name).toBe('NotShownError');
    const seconds = Number(
      /but (\d+) s later its status call still shows no postback instead of stack-/.exec(
        message,
      )?.[1],
    );
    expect(seconds).toBeGreaterThanOrEqual(60);
    expect(seconds).toBeLessThanOrEqual(65);
    expect(world.writes()).toEqual(['POST']);
    // Not hundreds of calls: Rakuten counts them by the minute.
    expect(world.reads()).toBeLessThan(30);
  });

  it('that Rakuten undoes is not made again', async () => {
    world.after('POST', 1, () => {
      world.slot = TRACKER;
    });
    const { name, message } = await problemOf(change());
    expect(name).toBe('NotShownError');
    expect(message).toContain(
      'still shows tracker.example, 1 field (u1), active instead of stack-',
    );
    expect([world.slot, world.writes()]).toEqual([TRACKER, ['POST']]);
  });

  it('that does not show in the time there is says how long it was looked for', async () => {
    world.world.rakuten.behaviour.staleReads = FOR_EVER;
    const { message } = await problemOf(change(inSeconds(20)));
    expect(Number(/but (\d+) s later/.exec(message)?.[1])).toBeGreaterThanOrEqual(15);
    expect(world.elapsedMillis()).toBeLessThan(20 * SECONDS);
  });

  it('that stayed unknown, was made again and does not show is told as the latter', async () => {
    world.fault({ operation: 'create', connection: 'drop' });
    world.world.rakuten.behaviour.staleReads = FOR_EVER;
    expect(kindOf(await problemOf(change(inSeconds(20))))).toBe('NotShownError');
    expect(world.writes()).toEqual(['POST', 'POST']);
  });

  it('whose effect stays unknown is given up after three minutes, with what happened', async () => {
    world.fault({ operation: 'create', connection: 'drop', times: FOR_EVER });
    expect(kindOf(await problemOf(change()))).toBe('uncertain');
    expect(world.elapsedMillis()).toBeGreaterThan(170 * SECONDS);
    expect(world.elapsedMillis()).toBeLessThan(180 * SECONDS);
    expect(world.slot).toBeUndefined();
  });

  it.each<[string, () => Promise<Slot | undefined>]>([
    ['it is given', () => change(inSeconds(30))],
    [
      'there is before it must be put back',
      async () => {
        run = await world.open(40 * SECONDS, 10 * SECONDS);
        return change();
      },
    ],
  ])('takes no longer than the time %s', async (_what, work) => {
    world.fault({ operation: 'create', connection: 'drop', times: FOR_EVER });
    expect(kindOf(await problemOf(work()))).toBe('uncertain');
    expect(world.elapsedMillis()).toBeGreaterThan(25 * SECONDS);
    expect(world.elapsedMillis()).toBeLessThan(30 * SECONDS);
  });
});

describe('a look for what may have been written', () => {
  it('ends with the first read that shows it', async () => {
    world.slot = wanted;
    expect(await lookFor(run, isOurs, run.endUntil)).toEqual(wanted);
    expect([world.reads(), world.elapsedMillis()]).toEqual([1, expect.any(Number)]);
    expect(world.elapsedMillis()).toBeLessThan(SECONDS);
  });

  it.each([1, 2, 3])('sees it although the status call lags by %d reads', async (lag) => {
    world.world.rakuten.behaviour.staleReads = lag;
    world.slot = wanted;
    expect(await lookFor(run, isOurs, run.endUntil)).toEqual(wanted);
    expect(world.reads()).toBe(lag + 1);
  });

  it.each([
    ['nothing', undefined],
    ['something else', TRACKER],
  ])('takes %s for true after four reads a second apart', async (_what, there) => {
    world.slot = there;
    expect(await lookFor(run, isOurs, run.endUntil)).toEqual(there);
    expect(world.reads()).toBe(4);
    expect(Math.floor(world.elapsedMillis() / SECONDS)).toBe(3);
  });
});

describe('putting back', () => {
  const back = (target: Slot | undefined): Promise<Slot | undefined> =>
    putBack(run, target, isOurs, run.endUntil);

  it.each<[string, Slot | undefined, string]>([
    ['a tracker', TRACKER, 'PUT'],
    ['a tracker that was switched off', { ...TRACKER, active: false }, 'PUT'],
    ['nothing', undefined, 'DELETE'],
  ])('%s replaces our URL, and is checked', async (_what, target, method) => {
    world.slot = wanted;
    expect(await back(target)).toEqual(target);
    expect([world.slot, world.calls()]).toEqual([target, ['GET', method, 'GET']]);
  });

  it.each<[string, Slot | undefined]>([
    ['another URL', { url: 'https://other.example/', active: true }],
    ['an empty slot', undefined],
  ])('leaves %s alone', async (_what, there) => {
    world.slot = there;
    expect(await back(TRACKER)).toEqual(there);
    expect([world.slot, world.calls()]).toEqual([there, ['GET']]);
  });

  it('leaves our URL alone where that is what was there', async () => {
    world.slot = wanted;
    expect(await back(wanted)).toEqual(wanted);
    expect(world.calls()).toEqual(['GET']);
  });

  it.each<[string, Slot | undefined, Fault, string[]]>([
    [
      'a DELETE got lost after its effect',
      undefined,
      { operation: 'delete', connection: 'drop', afterEffect: true },
      ['DELETE'],
    ],
    [
      'a DELETE got lost before its effect',
      undefined,
      { operation: 'delete', connection: 'drop' },
      ['DELETE', 'DELETE'],
    ],
    [
      'a PUT got lost after its effect',
      TRACKER,
      { operation: 'update', connection: 'drop', afterEffect: true },
      ['PUT'],
    ],
    [
      'a PUT got lost before its effect',
      TRACKER,
      { operation: 'update', connection: 'drop' },
      ['PUT', 'PUT'],
    ],
  ])('is done when the answer to %s', async (_what, target, fault, writes) => {
    world.slot = wanted;
    world.fault(fault);
    expect(await back(target)).toEqual(target);
    expect([world.slot, world.writes()]).toEqual([target, writes]);
  });

  it('leaves a URL alone that takes the place of ours after a lost answer', async () => {
    world.slot = wanted;
    world.fault({ operation: 'delete', connection: 'drop' });
    world.after('DELETE', 1, () => {
      world.slot = TRACKER;
    });
    expect(await back(undefined)).toEqual(TRACKER);
    expect([world.slot, world.writes()]).toEqual([TRACKER, ['DELETE']]);
  });

  it('is done where somebody emptied the slot between the look and the PUT', async () => {
    world.slot = wanted;
    world.after('GET', 1, () => {
      world.slot = undefined;
    });
    expect(await back(TRACKER)).toBeUndefined();
    expect([world.slot, world.writes()]).toEqual([undefined, ['PUT']]);
  });

  it.each([
    ['PUT', TRACKER],
    ['DELETE', undefined],
  ])('fails with a %s that is refused, our URL still there', async (method, target) => {
    world.slot = wanted;
    world.fault({ operation: ['update', 'delete'], status: 400, times: FOR_EVER });
    expect(kindOf(await problemOf(back(target)))).toBe('refused');
    expect([world.slot, world.writes()]).toEqual([wanted, [method]]);
  });

  it('takes the time that is kept for it, not more', async () => {
    run = await world.open(20 * SECONDS, 15 * SECONDS);
    world.slot = wanted;
    world.fault({ operation: 'delete', connection: 'drop', times: FOR_EVER });
    expect(kindOf(await problemOf(back(undefined)))).toBe('uncertain');
    expect(world.elapsedMillis()).toBeGreaterThan(15 * SECONDS);
    expect(world.elapsedMillis()).toBeLessThan(20 * SECONDS);
  });
});
