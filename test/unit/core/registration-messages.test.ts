import { UserError } from '../../../core/errors';
import { Redactor } from '../../../core/rakuten/api/redact';
import { describeSlot, notShownError, slotTakenError } from '../../../core/registration/messages';
import { sanitizeError, toUserError } from '../../../core/registration/sanitize-error';
import { SID } from '../../support/slot-run';

const TRACKER = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};

describe('a slot in words', () => {
  it('is the host and the fields of its URL, and whether it is on', () => {
    expect(describeSlot(undefined)).toBe('no postback');
    expect(describeSlot(TRACKER)).toBe('tracker.example, 1 field (u1), active');
    expect(describeSlot({ ...TRACKER, active: false })).toBe(
      'tracker.example, 1 field (u1), switched off',
    );
  });
});

describe('an error', () => {
  it('of a slot that is taken says by whom, what that means and each way on', () => {
    const { name, message } = slotTakenError(SID, TRACKER, 'foreign');
    expect(name).toBe('SlotTakenError');
    expect(message).toMatch(
      /^The one postback slot of SID 3900112 is taken: tracker\.example, 1 field \(u1\), active\. Meaning: another program or tracker receives .*Nothing was changed\. Next step: either set existingPostback to REPLACE .*; or remove that URL .*; or use another SID\.$/,
    );
  });

  it('of a slot that another installation has says so', () => {
    const { message } = slotTakenError(SID, TRACKER, 'installation');
    expect(message).toMatch(
      /Meaning: the URL is of another installation of this construct, so two stacks .*Nothing was changed\. Next step: remove the publisher from the other stack first and deploy again; or set existingPostback to REPLACE here.* when it is deleted\.$/,
    );
    expect(message).not.toContain('tracker receives');
  });

  it('of a change that does not show says what is there, what should be, and how to find out why', () => {
    const { name, message } = notShownError(SID, undefined, TRACKER, 61);
    expect([name, message]).toEqual([
      'NotShownError',
      'Rakuten accepted the change for SID 3900112, but 61 s later its status call still shows tracker.example, 1 field (u1), active instead of no postback. ' +
        'Meaning: the change was not made, or somebody else changed the slot at the same time. ' +
        'Next step: look with "npx cdk-rakuten-postback status" who else uses this SID, and deploy again.',
    ]);
  });
});

it('the error of a change that does not show tells two URLs apart that look alike without their secrets', () => {
  const { message } = notShownError(SID, { ...TRACKER, url: `${TRACKER.url}&x=2` }, TRACKER, 61);
  expect(message).toContain(
    'still shows tracker.example, 1 field (u1), active instead of this with another URL.',
  );
});

describe('an error that is shown', () => {
  const shown = (error: unknown, secret?: string): Error => {
    const redactor = new Redactor();
    redactor.add(secret);
    return sanitizeError(error, redactor);
  };

  it('keeps its name and words, in one line, without secrets and without where it was thrown', () => {
    const { name, message, stack } = shown(
      Object.assign(new Error('top-secret\n  was   refused'), { name: 'SomeError' }),
      'top-secret',
    );
    expect([name, message, stack]).toEqual([
      'SomeError',
      '*** was refused',
      'SomeError: *** was refused',
    ]);
  });

  it.each([
    ['a text', 'out of order'],
    ['nothing', undefined],
    ['a number', 7],
  ])('may be %s', (_what, thrown) => {
    expect(shown(thrown)).toMatchObject({
      name: 'Error',
      message: String(thrown),
      stack: `Error: ${String(thrown)}`,
    });
  });

  it('is as long as CloudFormation shows, and not cut before that', () => {
    const longest = 'x'.repeat(3_400);
    expect(shown(longest).message).toBe(longest);
    expect(shown(`${longest}x`).message).toBe(`${'x'.repeat(3_351)}…`);
  });

  it('keeps its next step where its problem is too long', () => {
    const { message } = shown(new UserError({ problem: 'x'.repeat(4_000), nextStep: 'try again' }));
    expect(message).toMatch(/^x{3000,}…\. Next step: try again\.$/);
    expect(message.length).toBeLessThanOrEqual(3_400);
  });

  it.each(['€', '😀'])('is counted in bytes: %s', (character) => {
    const { message } = shown(character.repeat(4_000));
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(3_400);
    expect(Buffer.byteLength(message)).toBeGreaterThan(3_400 - 50 * 4 - 4);
    expect(message.endsWith('…')).toBe(true);
  });

  it('is told what to do next where it does not say so', () => {
    const known = new UserError({ problem: 'It failed', nextStep: 'fix it' });
    expect(toUserError(known, 'try again')).toBe(known);
    const cause = new RangeError('throttled');
    const told = toUserError(cause, 'try again');
    expect([told.name, told.message, told.cause]).toEqual([
      'RangeError',
      'RangeError: throttled. Next step: try again.',
      cause,
    ]);
    expect(toUserError('out of order', 'try again').message).toBe(
      'Error: out of order. Next step: try again.',
    );
  });
});
