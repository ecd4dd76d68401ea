import Big from 'big.js';
import Table from 'cli-table3';
import { ATTRIBUTES } from '../core/names';
import type { TransactionKind } from '../core/rakuten/postback/fields';
import { DEFAULT_ADJUSTMENT_SKU, kindOf } from '../core/rakuten/postback/kind';
import { cellText } from '../core/terminal-text';
import type { PushStatistics } from '../fake-rakuten';
import { fillTemplate } from '../fake-rakuten/sender';
import { LatencyHistogram } from './gateway/latency';
import { colors } from './print';
import { type Comparison, isExact, type Row } from './verify';

/** How long Rakuten waits for an answer. */
const LIMIT_MILLIS = 400;

export interface DayResult {
  readonly pushes: PushStatistics;
  readonly rows: readonly Row[];
  readonly comparison: Comparison;
  readonly duplicates: number;
  readonly deadLetters: number;
}

/** In the order of the table. */
const KINDS: readonly TransactionKind[] = [
  'sale',
  'preliminary',
  'return',
  'adjustment',
  'unknown',
];

/** The summary of the day, for a person. At most 80 columns wide. */
export function daySummary({
  pushes,
  rows,
  comparison,
  duplicates,
  deadLetters,
}: DayResult): string {
  const latency = new LatencyHistogram();
  for (const millis of pushes.acknowledgedMillis) latency.record(millis);
  const p99 = latency.percentile(0.99);
  const lost = pushes.sent - pushes.acknowledged;
  const reasons = Object.entries({
    'too late': pushes.timeouts,
    refused: pushes.refused,
    'no connection': pushes.unreachable,
  })
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  const facts: [string, string][] = [
    [
      'Postbacks',
      `${pushes.sent} sent, ${good(pushes.acknowledged, lost === 0)} acknowledged${lost === 0 ? '' : `, ${bad(reasons.join(', '))}`}`,
    ],
    ...(pushes.skipped === 0
      ? []
      : [
          [
            'Disabled',
            bad(`after failures in a row; ${pushes.skipped} postbacks not sent`),
          ] satisfies [string, string],
        ]),
    [
      'Acknowledged after',
      `p50 ${millisText(latency.percentile(0.5))}, p99 ${good(millisText(p99), p99 < LIMIT_MILLIS)}, longest ${millisText(latency.max)} ` +
        colors.dim(`(limit ${LIMIT_MILLIS} ms)`),
    ],
    ['Rows', `${rows.length}, ${comparisonText(comparison)}`],
    ['Duplicates absorbed', String(duplicates)],
    ['Dead-letter queue', deadLetters === 0 ? good('empty', true) : bad(`${deadLetters} messages`)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    ...facts.map(([name, value]) => `  ${colors.bold(name.padEnd(width))}  ${value}`),
    '',
    indent(kindTable(rows)),
  ].join('\n');
}

function comparisonText(comparison: Comparison): string {
  if (isExact(comparison)) return good('every line exactly once', true);
  const { intact, missing, repeated, different, unexpected } = comparison;
  const problems = Object.entries({ missing, repeated, different, unexpected }).filter(
    ([, found]) => found.length > 0,
  );
  return `${intact} intact, ${bad(problems.map(([what, found]) => `${found.length} ${what}`).join(', '))}`;
}

/** Rows by kind, with one sum per currency. */
function kindTable(rows: readonly Row[]): string {
  const head = ['kind', 'rows', 'sales', 'commissions'].map((title) => colors.bold(title));
  // Its own colours would appear where the output is no terminal, too.
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  for (const kind of KINDS) {
    const found = rows.filter((row) => rowKind(row) === kind);
    if (found.length > 0)
      table.push([
        kind,
        { content: String(found.length), hAlign: 'right' },
        sums(found, 'sale_amount'),
        sums(found, 'commissions'),
      ]);
  }
  return table.toString();
}

function sums(rows: readonly Row[], field: 'sale_amount' | 'commissions'): string {
  const byCurrency = new Map<string, Big>();
  for (const row of rows) {
    const currency = cellText(row.currency?.S ?? '?');
    byCurrency.set(currency, (byCurrency.get(currency) ?? new Big(0)).plus(row[field]?.N ?? 0));
  }
  return [...byCurrency]
    .sort()
    .map(([currency, sum]) => `${currency} ${sum.toFixed(currency === 'JPY' ? 0 : 2)}`)
    .join('\n');
}

const rowKind = (row: Row): TransactionKind =>
  kindOf(
    {
      is_event: row[ATTRIBUTES.isEvent]?.S,
      sale_amount: row.sale_amount?.N,
      commissions: row.commissions?.N,
      sku_number: row.sku_number?.S,
      parse_problems: row[ATTRIBUTES.parseProblems]?.L?.map(({ S = '' }) => S),
    },
    DEFAULT_ADJUSTMENT_SKU,
  );

/** A new row in one line. */
export function rowLine(row: Row): string {
  const text = (name: string): string => cellText(row[name]?.S ?? row[name]?.N ?? '-');
  return [
    colors.dim(text('received_at').slice(11, 19)),
    rowKind(row).padEnd(11),
    `${text('currency')} ${text('sale_amount')}`.padStart(12),
    `order ${text('order_id')}`,
    colors.dim(`u1 ${text('u1')}`),
  ].join('  ');
}

/** A `curl` call that sends one more postback. */
export function curlLine(registeredUrl: string, sid: string, now: Date): string {
  const date = `${now.toISOString().slice(0, 19)}.000+00:00`;
  const url = fillTemplate(registeredUrl, {
    is_event: 'N',
    etransaction_id: 'TRY-1',
    sid,
    advertiser_id: '41207',
    order_id: 'TRY-ORDER',
    offer_id: '881204',
    transaction_type: 'realtime',
    transaction_date: date,
    process_date: date,
    currency: 'USD',
    sale_amount: '42.00',
    commissions: '2.10',
    quantity: '1',
    sku_number: 'TRY',
    u1: 'me',
    product_name: 'My first postback',
  });
  return `curl "${url}"`;
}

const millisText = (millis: number): string =>
  `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`;
const good = (text: string | number, condition: boolean): string =>
  condition ? colors.green(String(text)) : colors.red(String(text));
const bad = (text: string | number): string => colors.red(String(text));
const indent = (text: string): string => text.replace(/^/gm, '  ');
