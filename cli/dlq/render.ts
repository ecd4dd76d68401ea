import type { ContentsKind } from '../../core/dead-letters/contents';
import type { DeadLetter } from '../../core/dead-letters/letter';
import { amountText, type Colours, timeText } from '../show';
import type { Column } from '../table';

const KINDS: Record<ContentsKind, string> = {
  postback: 'postback',
  probe: 'test GET',
  unrecognised: 'not accepted',
  unreadable: 'unreadable',
};

/** Enough of an id to distinguish messages; the commands accept it. */
const ID_CHARACTERS = 8;

export const shortId = (id: string): string => id.slice(0, ID_CHARACTERS);

export const letterColumns = (colours: Colours): Column<DeadLetter>[] => [
  { title: 'ID', text: ({ id }) => shortId(id) },
  {
    title: 'ARRIVED (UTC)',
    text: ({ contents }) => timeText(contents.receivedAt ?? ''),
    dropOrder: 4,
  },
  { title: 'WHAT', text: ({ contents }) => KINDS[contents.kind], dropOrder: 3 },
  { title: 'SID', text: ({ contents }) => contents.sid ?? '', dropOrder: 6 },
  {
    title: 'ORDER',
    text: ({ contents }) => contents.fields.order_id ?? '',
    maxWidth: 36,
    dropOrder: 1,
  },
  {
    title: 'TRANSACTION',
    text: ({ contents }) => contents.fields.etransaction_id ?? '',
    dropOrder: 7,
  },
  {
    title: 'SALE',
    text: ({ contents: { fields } }) =>
      [amountText(fields.sale_amount, fields.currency), fields.currency ?? ''].join(' ').trim(),
    align: 'right',
    dropOrder: 2,
  },
  {
    title: 'REDRIVEN',
    text: ({ redrives }) => (redrives === 0 ? '' : `${redrives}×`),
    align: 'right',
    dropOrder: 5,
  },
  {
    title: 'WHY',
    text: ({ why }) => why,
    paint: (text) => colours.red(text),
    maxWidth: 70,
    wraps: true,
  },
];

/** Each reason with its number of messages and the next step, the most frequent first. */
export function nextSteps(letters: readonly DeadLetter[], colours: Colours): string[] {
  const byReason = new Map<string, { count: number; next: string }>();
  for (const { why, next } of letters)
    byReason.set(why, { count: (byReason.get(why)?.count ?? 0) + 1, next });
  return [...byReason]
    .sort(([, a], [, b]) => b.count - a.count)
    .flatMap(([why, { count, next }]) => [
      `${count} × ${why}`,
      `    ${colours.bold('next:')} ${next}`,
    ]);
}

/** Names and values of one message. */
export function letterRecord(letter: DeadLetter): (readonly [string, string])[] {
  const { contents } = letter;
  const entries: [string, string | undefined][] = [
    ['id', letter.id],
    ['what', KINDS[contents.kind]],
    ['why', letter.why],
    ['next', letter.next],
    ['noted', letter.noted],
    ['failed', letter.failedAt],
    ['arrived', contents.receivedAt],
    ['deleted by SQS', letter.deletedAt],
    [
      'redriven',
      letter.redrives === 0
        ? undefined
        : `${letter.redrives}×, last ${letter.redrivenAt ?? ''}, and failed again`,
    ],
    ['request id', contents.requestId],
    ['sent from', contents.sourceIp],
    ['row', contents.key && `line_id ${contents.key.lineId}, is_event ${contents.key.isEvent}`],
    ...Object.entries(contents.fields),
    ...Object.entries(contents.extra).map(([name, value]): [string, string] => [
      `extra ${name}`,
      value,
    ]),
    ...contents.problems.map(({ field, reason }): [string, string] => [
      `unreadable ${field}`,
      reason,
    ]),
    ['query', contents.query],
  ];
  return entries.filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
}
