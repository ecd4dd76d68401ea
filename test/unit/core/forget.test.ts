import fc from 'fast-check';
import { ATTRIBUTES, SOURCES } from '../../../core/names';
import { ALL_FIELDS, type FieldList } from '../../../core/rakuten/postback/fields';
import { normalisedQuery } from '../../../core/rakuten/postback/message';
import { parsePostback } from '../../../core/rakuten/postback/parse';
import type { Item } from '../../../core/transactions/attributes';
import { changedItem, fromItem, type ItemOptions, toItem } from '../../../core/transactions/item';
import type { RowKey } from '../../../core/transactions/keys';
import type { LineFields } from '../../../core/transactions/row';
import {
  type Answer,
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type PushedLine,
  type RowState,
} from '../../../core/transactions/row-state';
import { rowWithoutMember } from '../../../core/transactions/row-without-member';
import {
  answerWithoutMember,
  decodedForms,
  type MemberTest,
  pushWithoutMember,
  queryWithoutMember,
} from '../../../core/transactions/without-member';

const KEY: RowKey = { lineId: '3900112#A1', isEvent: 'N' };
const RUNS = Number(process.env.ROW_RUNS ?? 300);
const MEMBER = 'ana+müller@example.com';
const test: MemberTest = {
  isMember: (value) => value === MEMBER,
  beginsWith: (beginning) => beginning !== '' && MEMBER.startsWith(beginning),
};

const at = (second: number): string =>
  new Date(Date.UTC(2026, 2, 13) + second * 1000).toISOString();

const entities = (text: string): string =>
  text.replace(/[&+@]/g, (sign) => `&#${sign.charCodeAt(0)};`);
/** How a value may arrive, after API Gateway decoded it once. */
const SPELLINGS: Readonly<Record<string, (value: string) => string>> = {
  'as it is': (value) => value,
  padded: (value) => ` ${value} `,
  decomposed: (value) => value.normalize('NFD'),
  'with an unescaped plus sign': (value) => value.replaceAll('+', ' '),
  'escaped twice': encodeURIComponent,
  'escaped twice as a form': (value) =>
    new URLSearchParams({ value }).toString().slice('value='.length),
  'escaped twice in lower case': (value) =>
    encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase()),
  'escaped three times': (value) => encodeURIComponent(encodeURIComponent(value)),
  'with HTML entities': entities,
  'with escaped HTML entities': (value) => encodeURIComponent(entities(value)),
};

const RENAMED: FieldList = [
  { name: 'line', field: 'etransaction_id' },
  { name: 'who', field: 'u1' },
  { name: 'amount', field: 'sale_amount' },
];

function push(
  second: number,
  parameters: readonly [string, string][],
  fieldList: FieldList = ALL_FIELDS,
): PushedLine {
  const { fields, extra, problems } = parsePostback(parameters, fieldList);
  return {
    fields,
    extra,
    problems,
    query: normalisedQuery(parameters),
    receivedAt: at(second),
    requestId: `request-${second}`,
    source: SOURCES.push,
  };
}

const answer = (second: number, fields: LineFields, extra: Answer['extra'] = {}): Answer => ({
  fields: { etransaction_id: 'A1', ...fields },
  problems: [],
  extra,
  fetchedAt: at(second),
  runId: 'hourly-1',
  query: new URLSearchParams({ etransaction_id: 'A1', ...fields }).toString(),
});

const OPTIONS: readonly ItemOptions[] = [
  { dayShards: 1 },
  { dayShards: 4, rowExpirySeconds: 86_400 },
  { dayShards: 1, memberFromPostback: true, rowExpirySeconds: 86_400 },
];
const stored = (row: RowState, options: ItemOptions): RowState =>
  fromItem(toItem(KEY, row, options)) ?? EMPTY_ROW;

const SPELLED = Object.values(SPELLINGS).map((spell) => spell(MEMBER));
const OTHERS = ['ana', 'ana+müller@example.co', 'bob', '100'];
const member = fc.constantFrom<(string | undefined)[]>(undefined, ...SPELLED, ...OTHERS);
const amount = fc.constantFrom('100', '90');

interface Delivery {
  readonly u1: string | undefined;
  readonly amount: string;
  readonly note: string | undefined;
  readonly kind: 'push' | 'renamed push' | 'answer';
}
const deliveryParts = {
  u1: member,
  amount,
  note: member,
  kind: fc.constantFrom<Delivery['kind'][]>('push', 'push', 'renamed push', 'answer'),
};
const delivery: fc.Arbitrary<Delivery> = fc.record(deliveryParts);

const isAnswer = (made: PushedLine | Answer): made is Answer => 'fetchedAt' in made;

function made({ u1, amount, note, kind }: Delivery, second: number): PushedLine | Answer {
  const parameters: [string, string][] = [
    ['line', 'A1'],
    ['amount', amount],
    ...(u1 === undefined ? [] : [['who', u1] as [string, string]]),
  ];
  if (kind === 'renamed push') return push(second, parameters, RENAMED);
  // The Events API returns values as they are.
  if (kind === 'answer') {
    const isSpelling = u1 !== undefined && SPELLED.includes(u1);
    return answer(
      second,
      { sale_amount: amount, ...(u1 === undefined ? {} : { u1: isSpelling ? MEMBER : u1 }) },
      note === undefined ? {} : { note },
    );
  }
  const named: [string, string][] = [
    ['etransaction_id', 'A1'],
    ['sale_amount', amount],
  ];
  return push(second, [
    ...named,
    ...(u1 === undefined ? [] : [['u1', u1] as [string, string]]),
    ...(note === undefined ? [] : [['note', note] as [string, string]]),
  ]);
}

const apply = (row: RowState, each: PushedLine | Answer): RowState =>
  isAnswer(each) ? applyAnswer(row, each) : joinPushes(row, [each]);
const without = (each: PushedLine | Answer): PushedLine | Answer =>
  isAnswer(each) ? answerWithoutMember(each, test) : pushWithoutMember(each, test);

/** An answer that would have said the same without the member did replace another one. */
const withoutTimes = (item: Item): object => ({
  ...item,
  verified_at: item.verified_at !== undefined,
  answered_at: undefined,
  first_answered_at: undefined,
  checked_since: undefined,
  replaced_answers: undefined,
  revision: undefined,
});

describe('a row from which a member is removed', () => {
  it('is the row that its deliveries would have made without the member, and no later delivery changes it', () => {
    fc.assert(
      fc.property(
        fc.array(delivery, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...OPTIONS),
        (deliveries, options) => {
          const all = deliveries.map(made);
          const item = toItem(KEY, all.reduce(apply, EMPTY_ROW), options);
          const scrubbed = rowWithoutMember(fromItem(item) ?? EMPTY_ROW, test, [RENAMED]);
          const row = scrubbed?.row ?? fromItem(item) ?? EMPTY_ROW;
          const expected = toItem(KEY, all.map(without).reduce(apply, EMPTY_ROW), options);
          const changed = scrubbed === undefined ? item : changedItem(KEY, item, row);
          expect(withoutTimes(changed)).toEqual(withoutTimes(expected));
          // Since when the row is verified does not change.
          if (item.verified_at !== undefined) expect(changed.verified_at).toEqual(item.verified_at);
          expect(rowWithoutMember(stored(row, options), test, [RENAMED])).toBeUndefined();
          // A redelivery.
          expect(
            toItem(
              KEY,
              all
                .filter((each) => !isAnswer(each))
                .map(without)
                .reduce(apply, stored(row, options)),
              options,
            ),
          ).toEqual(changed);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('is unchanged where every delivery is another member’s or nobody’s, whatever else has the value', () => {
    const bystander = fc.record({
      ...deliveryParts,
      u1: fc.constantFrom<(string | undefined)[]>(undefined, ...OTHERS),
    });
    fc.assert(
      fc.property(
        fc.array(bystander, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...OPTIONS),
        (deliveries, options) => {
          const all = deliveries.map(made);
          expect(
            rowWithoutMember(stored(all.reduce(apply, EMPTY_ROW), options), test, [RENAMED]),
          ).toBeUndefined();
          for (const each of all) expect(without(each)).toBe(each);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it.each(Object.entries(SPELLINGS))(
    'has no trace of it, %s, in any register, version, query or parameter',
    (_, spell) => {
      const spelled = spell(MEMBER);
      const row = [
        push(1, [
          ['etransaction_id', 'A1'],
          ['sale_amount', '80'],
          ['u1', spelled],
          ['quantity', '1'],
        ]),
        push(2, [
          ['etransaction_id', 'A1'],
          ['sale_amount', '90'],
          ['u1', spelled],
          ['ref', spelled],
        ]),
        push(3, [
          ['etransaction_id', 'A1'],
          ['sale_amount', '95'],
          ['u1', 'bob'],
        ]),
        answer(4, { sale_amount: '99', u1: MEMBER }, { account: spelled }),
        answer(5, { sale_amount: '100', u1: MEMBER }, { account: spelled }),
        answer(6, { sale_amount: '100', u1: 'bob' }),
        answer(7, { sale_amount: '100', u1: MEMBER }, { account: MEMBER }),
      ].reduce(apply, EMPTY_ROW);
      const item = toItem(KEY, row, { dayShards: 1 });
      const scrubbed = rowWithoutMember(fromItem(item) ?? EMPTY_ROW, test);
      const after = changedItem(KEY, item, scrubbed?.row ?? EMPTY_ROW);
      for (const text of [MEMBER, spelled, normalisedQuery([['u1', spelled]]).slice(3)])
        expect(JSON.stringify(after)).not.toContain(text);
      expect(after).toMatchObject({
        sale_amount: { N: '100' },
        verified_at: item.verified_at,
        member_forgotten: { BOOL: true },
      });
      expect(after.u1).toBeUndefined();
      expect(JSON.stringify(after[ATTRIBUTES.otherPushes])).toContain('bob');
      expect(scrubbed?.traces).toEqual({ members: 3, queries: 3, extras: 1 });
    },
  );

  it('keeps what another member, or none, has the same value in: a parameter of the shop, a static value of the URL', () => {
    const twelve: MemberTest = {
      isMember: (value) => value === '12',
      beginsWith: (beginning) => '12'.startsWith(beginning),
    };
    const list: FieldList = [...ALL_FIELDS, { name: 'site', value: '12' }];
    const line = (second: number, amount: string, u1?: string): PushedLine => {
      const named: [string, string][] = [
        ['etransaction_id', 'A1'],
        ['sale_amount', amount],
        ['site', '12'],
        ['ref', '12'],
      ];
      return push(second, u1 === undefined ? named : [...named, ['u1', u1]], list);
    };
    const bystanders = [
      line(1, '80', 'bob'),
      line(2, '90'),
      answer(3, { sale_amount: '90', u1: 'bob' }, { account: '12' }),
    ];
    for (const each of bystanders)
      expect(
        isAnswer(each) ? answerWithoutMember(each, twelve) : pushWithoutMember(each, twelve),
      ).toBe(each);
    expect(rowWithoutMember(bystanders.reduce(apply, EMPTY_ROW), twelve)).toBeUndefined();
    const theirs = line(4, '95', '12');
    const row = [...bystanders, theirs].reduce(apply, EMPTY_ROW);
    const after = rowWithoutMember(row, twelve);
    expect(after?.traces).toEqual({ members: 1, queries: 1, extras: 1 });
    expect(after?.row.pushes.map(({ query }) => query)).toEqual([
      'etransaction_id=A1&ref=12&sale_amount=80&site=12&u1=bob',
      'etransaction_id=A1&ref=12&sale_amount=90&site=12',
      'etransaction_id=A1&sale_amount=95',
    ]);
    expect(after?.row.answer).toEqual(row.answer);
  });

  it('loses the member in `u1` also where the URL asks for the member under another name', () => {
    const both = push(
      1,
      [
        ['line', 'A1'],
        ['who', 'bob'],
        ['u1', MEMBER],
      ],
      RENAMED,
    );
    expect(pushWithoutMember(both, test)).toMatchObject({
      fields: { u1: 'bob' },
      extra: {},
      query: 'line=A1&who=bob',
    });
    expect(rowWithoutMember(joinPushes(EMPTY_ROW, [both]), test)?.row.pushes).toEqual(
      joinPushes(EMPTY_ROW, [pushWithoutMember(both, test)]).pushes,
    );
  });

  it('keeps a field of Rakuten that has the same value as the member', () => {
    const twelve: MemberTest = { isMember: (value) => value === '12' };
    const line = push(1, [
      ['etransaction_id', 'A1'],
      ['quantity', '12'],
      ['advertiser_id', '12'],
      ['u1', '12'],
    ]);
    expect(pushWithoutMember(line, twelve)).toMatchObject({
      fields: { quantity: '12', advertiser_id: '12' },
      query: 'advertiser_id=12&etransaction_id=A1&quantity=12',
    });
  });

  it('does not show the member of a postback where the Events API returned one that was forgotten', () => {
    const forged = push(1, [
      ['etransaction_id', 'A1'],
      ['sale_amount', '100'],
      ['u1', 'attacker'],
    ]);
    const row = [
      forged,
      answerWithoutMember(answer(2, { sale_amount: '100', u1: MEMBER }), test),
    ].reduce(apply, EMPTY_ROW);
    for (const memberFromPostback of [false, true]) {
      const item = toItem(KEY, row, { dayShards: 1, memberFromPostback });
      expect(item).toMatchObject({
        verified_at: { S: at(2) },
        member_forgotten: { BOOL: true },
        differing_fields: { L: [{ S: 'u1' }] },
      });
      expect(item.u1).toBeUndefined();
    }
  });

  it('loses the beginning of the member where a stored query was cut within it', () => {
    const long = push(1, [
      ['etransaction_id', 'A1'],
      ['product_name', 'x'.repeat(970)],
      ['u1', MEMBER],
    ]);
    const row = joinPushes(EMPTY_ROW, [long]);
    expect(row.pushes[0]?.query).toMatch(/&u1=ana.*…$/);
    expect(rowWithoutMember(row, test)?.row.pushes[0]?.query).not.toContain('ana');
  });

  it('stays as it is where the member is not in it', () => {
    const row = [
      push(1, [
        ['etransaction_id', 'A1'],
        ['u1', 'ana'],
      ]),
      answer(2, { u1: 'bob' }),
    ].reduce(apply, EMPTY_ROW);
    expect(rowWithoutMember(row, test)).toBeUndefined();
  });
});

describe('the forms of a value', () => {
  it.each(Object.entries(SPELLINGS))('contain the member %s', (_, spell) => {
    expect([...decodedForms(spell(MEMBER))]).toContain(MEMBER);
  });

  it('are few, also of a hostile value', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[%+ &#0-9a-f;]{0,3000}$/), (text) => {
        expect(decodedForms(text).size).toBeLessThanOrEqual(85);
      }),
      { numRuns: 50 },
    );
  });

  it('do not make the answer of the Events API about another member, whose ID differs in a plus sign', () => {
    const other = answer(1, { u1: 'ana müller@example.com' });
    expect(answerWithoutMember(other, test).fields.u1).toBe('ana müller@example.com');
    expect(queryWithoutMember('u1=bob&v=2', test)).toBe('u1=bob&v=2');
  });
});
