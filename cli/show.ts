import type {
  Money,
  OrderStatus,
  OrderSummary,
  Sums,
  Transaction,
  TransactionKind,
  TransactionRow,
} from '../client';
import { MoneySum } from '../client/amounts';
import type { Styles } from '../core/terminal-text';
import { EXIT, type ExitCode } from './errors';
import { numberText } from './progress';
import type { Column } from './table';
import { type Terminal, writeLine } from './terminal';
import { UTC } from './time-zone';

export type Colours = Styles;

/** An exact decimal with at least the digits that its currency has. Never rounded. */
export function amountText(decimal: string | undefined, currency: string | undefined): string {
  if (decimal === undefined) return '';
  const [whole = '', fraction = ''] = decimal.split('.');
  const digits = fraction.padEnd(minorDigits(currency), '0');
  return digits === '' ? whole : `${whole}.${digits}`;
}

const digitsOfCurrency = new Map<string, number>();

/** Creating a format is slow, so each currency has one. */
function minorDigits(currency: string | undefined): number {
  if (currency === undefined) return 0;
  const digits = digitsOfCurrency.get(currency) ?? readMinorDigits(currency);
  digitsOfCurrency.set(currency, digits);
  return digits;
}

function readMinorDigits(currency: string): number {
  try {
    return (
      new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
        .minimumFractionDigits ?? 0
    );
  } catch {
    return 0; // Not a currency code.
  }
}

/** `71.49 USD, 900 JPY`, or nothing without any amount. */
export function moneyText(amounts: readonly Money[], field: 'sale_amount' | 'commissions'): string {
  return amounts
    .map(
      (money) => `${amountText(money[field], money.currency)} ${money.currency ?? '(no currency)'}`,
    )
    .join(', ');
}

/** `2026-03-13 18:02` in a time zone, with seconds on demand. */
export function timeText(
  iso: string,
  timeZone = UTC,
  form: 'minutes' | 'seconds' = 'minutes',
): string {
  const millis = Date.parse(iso);
  return Number.isNaN(millis) ? iso : formatter(timeZone, form).format(millis);
}

/** `ORDERED (UTC)`, `ORDERED (Tokyo)`. */
export const timeTitle = (title: string, timeZone: string): string =>
  `${title} (${(timeZone.split('/').at(-1) ?? '').replaceAll('_', ' ')})`;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Swedish writes times like ISO 8601. */
function formatter(timeZone: string, form: 'minutes' | 'seconds'): Intl.DateTimeFormat {
  const key = `${timeZone} ${form}`;
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: form === 'seconds' ? 'medium' : 'short',
    calendar: 'gregory',
    numberingSystem: 'latn',
  });
  formatters.set(key, made);
  return made;
}

const kindPainter = (colours: Colours): Record<TransactionKind, (text: string) => string> => ({
  preliminary: colours.yellow,
  sale: colours.green,
  return: colours.red,
  adjustment: colours.magenta,
  unknown: colours.inverse,
});

const statusPainter = (colours: Colours): Record<OrderStatus, (text: string) => string> => ({
  preliminary: colours.yellow,
  confirmed: colours.green,
  'partly returned': colours.red,
  returned: colours.red,
  cancelled: colours.red,
  unknown: colours.inverse,
});

/** Whether the Events API has returned a line. */
export type Verification = 'verified' | 'unverified' | 'withdrawn';

export function verificationOf({ verified_at, withdrawn_at }: Transaction): Verification {
  if (withdrawn_at !== undefined) return 'withdrawn';
  return verified_at === undefined ? 'unverified' : 'verified';
}

const verificationPainter = (colours: Colours): Record<Verification, (text: string) => string> => ({
  verified: colours.green,
  unverified: colours.yellow,
  withdrawn: colours.red,
});

/** The time that a list of lines is sorted by. */
export interface ShownTime {
  readonly title: string;
  readonly of: (line: Transaction) => string;
  readonly timeZone: string;
}

/** Columns of a list of lines. */
export function lineColumns(colours: Colours, time: ShownTime): Column<Transaction>[] {
  const negative = (text: string): string => (text.startsWith('-') ? colours.red(text) : text);
  return [
    {
      title: timeTitle(time.title, time.timeZone),
      text: (line) => timeText(time.of(line), time.timeZone),
    },
    {
      title: 'KIND',
      text: (line) => line.kind,
      paint: (text, line) => kindPainter(colours)[line.kind](text),
    },
    { title: 'ORDER', text: (line) => line.order_id ?? '', maxWidth: 36 },
    { title: 'ADVERTISER', text: (line) => line.advertiser_id ?? '', dropOrder: 3 },
    { title: 'SKU', text: (line) => line.sku_number ?? '', maxWidth: 20, dropOrder: 4 },
    { title: 'PRODUCT', text: (line) => line.product_name ?? '', maxWidth: 28, dropOrder: 5 },
    {
      title: 'SALE',
      text: (line) => amountText(line.sale_amount, line.currency),
      align: 'right',
      paint: negative,
    },
    {
      title: 'COMMISSION',
      text: (line) => amountText(line.commissions, line.currency),
      align: 'right',
      paint: negative,
    },
    { title: 'CUR', text: (line) => line.currency ?? '' },
    { title: 'MEMBER', text: (line) => line.u1 ?? '', maxWidth: 24, dropOrder: 2 },
    {
      title: 'STATE',
      text: verificationOf,
      paint: (text, line) => verificationPainter(colours)[verificationOf(line)](text),
    },
    { title: 'TRANSACTION', text: (line) => line.etransaction_id ?? '', dropOrder: 6 },
  ];
}

/** Columns of a list of orders. */
export function orderColumns(colours: Colours, timeZone: string): Column<OrderSummary>[] {
  const confirmedLines = (order: OrderSummary): number =>
    order.lines.filter((line) => line.is_event === 'N').length;
  return [
    {
      title: timeTitle('ORDERED', timeZone),
      text: (order) => timeText(order.ordered_at, timeZone),
    },
    {
      title: 'STATUS',
      text: (order) => order.status,
      paint: (text, order) => statusPainter(colours)[order.status](text),
    },
    { title: 'ORDER', text: (order) => order.order_id ?? '', maxWidth: 36 },
    { title: 'ADVERTISER', text: (order) => order.advertiser_id ?? '', dropOrder: 4 },
    { title: 'MEMBER', text: (order) => order.members.join(', '), maxWidth: 24, dropOrder: 3 },
    {
      title: 'LINES',
      text: (order) => String(confirmedLines(order)),
      align: 'right',
      dropOrder: 5,
    },
    {
      title: 'EARNED SALE',
      text: (order) => moneyText(order.earned, 'sale_amount'),
      align: 'right',
      wraps: true,
    },
    {
      title: 'COMMISSION',
      text: (order) => moneyText(order.earned, 'commissions'),
      align: 'right',
      wraps: true,
    },
    {
      title: 'AWAITING',
      text: (order) => moneyText(order.awaiting, 'sale_amount'),
      align: 'right',
      dropOrder: 1,
    },
    {
      title: 'PENDING',
      text: (order) => moneyText(order.pending, 'sale_amount'),
      align: 'right',
      dropOrder: 2,
    },
  ];
}

const SUMS = ['verified, net', 'unverified', 'events, not added'] as const;

/** Counts lines by kind and verification, and adds them up. The sums never mix them. */
export class LineTally {
  private readonly kinds = new Counter();
  private readonly states = new Counter();
  private readonly sums = new Map(SUMS.map((name) => [name, new MoneySum()]));

  add(line: Transaction): void {
    const state = verificationOf(line);
    this.kinds.add(line.kind);
    this.states.add(state);
    const name = line.kind === 'unknown' || state === 'withdrawn' ? undefined : sumOf(line, state);
    if (name !== undefined) this.sums.get(name)?.addLine(line);
  }

  async *count(
    lines: AsyncIterable<Transaction>,
    each?: (line: Transaction) => void,
  ): AsyncGenerator<Transaction> {
    for await (const line of lines) {
      this.add(line);
      each?.(line);
      yield line;
    }
  }

  /** `6 lines (4 sale, 2 return): 5 verified, 1 unverified` */
  get text(): string {
    const { total } = this.kinds;
    return `${numberText(total)} ${total === 1 ? 'line' : 'lines'} (${this.kinds.text}): ${this.states.text}`;
  }

  /** The footer of a list. */
  get texts(): string[] {
    return [this.text, ...[...this.sums].flatMap(([name, sum]) => totals(name, sum.toMoney()))];
  }

  /** The footer of a list that goes on. Sums of a part of it would look like sums of all. */
  get textsOfPart(): string[] {
    return [`the first ${this.text}; no sums, as there are more lines`];
  }
}

const sumOf = (
  { is_event }: Transaction,
  state: Verification,
): (typeof SUMS)[number] | undefined =>
  is_event === 'Y'
    ? SUMS[2]
    : is_event === 'N'
      ? state === 'verified'
        ? SUMS[0]
        : SUMS[1]
      : undefined;

/** Counts texts, in the order of their first occurrence. */
export class Counter {
  total = 0;
  private readonly counts = new Map<string, number>();

  add(value: string): void {
    this.total += 1;
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1);
  }

  /** `2 sale, 1 return` */
  get text(): string {
    return [...this.counts].map(([value, count]) => `${numberText(count)} ${value}`).join(', ');
  }
}

const MAX_NOTES = 10;

/** What else there is to know of lines. Long lists are cut. */
export class NoteTally {
  private readonly notes: string[] = [];
  private total = 0;

  add(line: Transaction): void {
    const text = [...postbackNotes(line), ...doubtNotes(line)].join('; ');
    if (text === '') return;
    this.total += 1;
    if (this.total <= MAX_NOTES)
      this.notes.push(`${line.etransaction_id ?? line.line_id}: ${text}`);
  }

  get texts(): string[] {
    const more = this.total - this.notes.length;
    return more === 0
      ? this.notes
      : [...this.notes, `and ${numberText(more)} more lines with notes`];
  }
}

/** What postbacks say otherwise than the Events API. */
export function postbackNotes({ differing_fields: fields = [] }: Transaction): string[] {
  return fields.length === 0 ? [] : [`a postback says otherwise: ${fields.join(', ')}`];
}

const doubtNotes = ({ parse_problems: problems = [], kind }: Transaction): string[] => [
  ...problems,
  ...(kind === 'unknown' ? ['its kind is unknown, so it is in no sum'] : []),
];

/** All attributes of a row, by name. Lists of deliveries get one entry per delivery. */
export function rowRecord({
  other_pushes: pushes = [],
  replaced_answers: answers = [],
  ...row
}: TransactionRow): [string, string][] {
  return [
    ['state', [verificationOf(row), ...postbackNotes(row)].join('; ')],
    ...Object.entries(row).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
    ...pushes.map(({ received_at, source = 'postback', query }): [string, string] => [
      `other ${source}`,
      `${received_at}  ${query}`,
    ]),
    ...answers.map(({ answered_at, values }): [string, string] => [
      'replaced answer',
      `${answered_at}  ${values}`,
    ]),
  ];
}

/** The three sums, as far as there are any. */
export function sumsText({ earned, awaiting, pending }: Sums): string[] {
  return [
    ...totals('earned', earned),
    ...totals('awaiting verification', awaiting),
    ...totals('pending', pending),
  ];
}

/** `earned: 71.49 USD; commissions 3.57 USD`, or nothing without any amount. */
export const totals = (name: string, amounts: readonly Money[]): string[] =>
  totalTexts(amounts).map((text) => `${name}: ${text}`);

/** `71.49 USD; commissions 3.57 USD`, or nothing without any amount. */
export function totalTexts(amounts: readonly Money[]): string[] {
  if (amounts.length === 0) return [];
  return [`${moneyText(amounts, 'sale_amount')}; commissions ${moneyText(amounts, 'commissions')}`];
}

/** Reports an empty result. */
export async function nothing({ stderr }: Terminal): Promise<ExitCode> {
  await writeLine(stderr, 'nothing found');
  return EXIT.nothing;
}
