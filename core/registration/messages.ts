import { UserError } from '../errors';
import type { Slot } from '../rakuten/api/client';
import { summarizeUrl, summaryText } from '../rakuten/postback/url';
import type { SlotOwner } from './slot-url';

/** A slot in words, without the parts of its URL that can be secret. */
export const describeSlot = (slot: Slot | undefined): string =>
  slot === undefined
    ? 'no postback'
    : `${summaryText(summarizeUrl(slot.url))}, ${slot.active ? 'active' : 'switched off'}`;

/** The slot holds a URL that must not be touched. */
export const slotTakenError = (sid: string, slot: Slot, owner: SlotOwner): UserError =>
  new UserError({
    name: 'SlotTakenError',
    problem: `The one postback slot of SID ${sid} is taken: ${describeSlot(slot)}`,
    ...(owner === 'installation' ? OTHER_INSTALLATION : SOMEBODY_ELSE),
  });

const SOMEBODY_ELSE = {
  meaning:
    'another program or tracker receives the postbacks of this SID, ' +
    'and Rakuten keeps only one URL. Nothing was changed',
  nextStep:
    'either set existingPostback to REPLACE on this publisher, which takes the slot over, ' +
    'remembers that URL and restores it on removal; ' +
    "or remove that URL where it was set up (or in Rakuten's portal) and deploy again; " +
    'or use another SID',
};

const OTHER_INSTALLATION = {
  meaning:
    'the URL is of another installation of this construct, ' +
    'so two stacks (or accounts, or regions) fight for one SID, ' +
    'and Rakuten keeps only one URL. Nothing was changed',
  nextStep:
    'remove the publisher from the other stack first and deploy again; ' +
    'or set existingPostback to REPLACE here, which takes the slot over; ' +
    'the other stack then receives nothing more ' +
    'and will leave the slot alone when it is deleted',
};

/** Rakuten took the change, but its status call shows something else. */
export function notShownError(
  sid: string,
  wanted: Slot | undefined,
  shown: Slot | undefined,
  seconds: number,
): UserError {
  const isAlike = describeSlot(shown) === describeSlot(wanted);
  return new UserError({
    name: 'NotShownError',
    problem:
      `Rakuten accepted the change for SID ${sid}, but ${seconds} s later its status call still ` +
      `shows ${describeSlot(shown)} ` +
      `instead of ${isAlike ? 'this with another URL' : describeSlot(wanted)}`,
    meaning: 'the change was not made, or somebody else changed the slot at the same time',
    nextStep:
      'look with "npx cdk-rakuten-postback status" who else uses this SID, and deploy again',
  });
}
