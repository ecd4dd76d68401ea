import { isRecordOf } from '../../../core/archive/record-of-member';
import { SOURCES } from '../../../core/names';
import { ALL_FIELDS, type FieldList } from '../../../core/rakuten/postback/fields';
import { normalisedQuery } from '../../../core/rakuten/postback/message';
import { knownMember } from '../../../core/transactions/without-member';

const MEMBER = 'ana+müller@example.com';
const RENAMED: FieldList = [{ name: 'who', field: 'u1' }];

const push = (query: string) => ({ source: SOURCES.push, line_id: '3900112#A1', query });
const pushOf = (value: string, name = 'u1') => push(normalisedQuery([[name, value]]));
const isMembers = (record: Parameters<typeof isRecordOf>[0], sid?: string): boolean =>
  isRecordOf(record, knownMember(MEMBER, sid), [ALL_FIELDS, RENAMED]);

it.each([
  ['as it is', MEMBER],
  ['escaped twice', encodeURIComponent(MEMBER)],
  ['escaped three times', encodeURIComponent(encodeURIComponent(MEMBER))],
  ['with an unescaped plus sign', MEMBER.replaceAll('+', ' ')],
  ['with HTML entities', MEMBER.replaceAll('@', '&#64;')],
  ['decomposed', MEMBER.normalize('NFD')],
])('finds the member in a postback %s', (_, value) => {
  expect(isMembers(pushOf(value))).toBe(true);
});

it('finds the member under the name that a URL gives u1, and under no other', () => {
  expect(isMembers(pushOf(MEMBER, 'who'))).toBe(true);
  expect(isMembers(pushOf(MEMBER, 'site'))).toBe(false);
});

it('does not find another member whose ID contains the ID', () => {
  expect(isMembers(pushOf(`${MEMBER}.au`))).toBe(false);
  expect(isMembers(pushOf('ana'))).toBe(false);
});

it('compares u1 of the Events API exactly', () => {
  const answer = (u1: string) => ({ ...pushOf(u1), source: SOURCES.eventsApi });
  expect(isMembers(answer(MEMBER))).toBe(true);
  expect(isMembers(answer(MEMBER.replaceAll('+', ' ')))).toBe(false);
});

it('finds only lines of one publisher if its SID is given, and none without a row', () => {
  const record = pushOf(MEMBER);
  expect(isMembers(record, '3900112')).toBe(true);
  expect(isMembers(record, '3900113')).toBe(false);
  const forged = { ...record, line_id: undefined };
  expect(isMembers(forged, '3900112')).toBe(false);
  expect(isMembers(forged)).toBe(true);
});
