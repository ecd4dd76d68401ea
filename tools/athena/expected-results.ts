import { ATTRIBUTES } from '../../core/names';
import { lineIdOf } from '../../core/transactions/keys';
import type { Row } from '../../local/verify';
import { DAY, type Delivery, ETRANSACTION_ID, SID } from './write-archive';

interface Sent {
  readonly deliveries: readonly Delivery[];
  readonly rows: readonly Row[];
}

/** The rows that the queries of docs/archive.md must return, in the order of the queries. */
export function expectedResults({ deliveries, rows }: Sent): object[][] {
  const pushes = new Map(
    rows.map((row) => [text(row, ATTRIBUTES.lineId), deliveries.filter((one) => isOf(one, row))]),
  );
  const forged = deliveries.filter(({ line }) => line === undefined);
  return [
    messagesPerDay([...pushes.values()], forged),
    deliveriesOfLine(pushes, rows),
    repeatedLines(pushes, rows),
    forgers(forged),
  ];
}

type Pushes = ReadonlyMap<string, readonly Delivery[]>;

function messagesPerDay(
  pushes: readonly (readonly Delivery[])[],
  forged: readonly Delivery[],
): object[] {
  const outcomes = {
    duplicate: pushes.flatMap((all) => all.slice(1)),
    forged,
    stored: pushes.flatMap((all) => all.slice(0, 1)),
  };
  return Object.entries(outcomes).map(([outcome, messages]) => ({
    day: DAY,
    outcome,
    messages: messages.length,
    gets: new Set(messages.map(({ requestId }) => requestId)).size,
  }));
}

function deliveriesOfLine(pushes: Pushes, rows: readonly Row[]): object[] {
  const lineId = lineIdOf(SID, ETRANSACTION_ID);
  const row = rows.find((one) => text(one, ATTRIBUTES.lineId) === lineId) ?? {};
  return (pushes.get(lineId) ?? []).map(({ at }, i) => ({
    received_at: at,
    source: 'push',
    outcome: i === 0 ? 'stored' : 'duplicate',
    query: text(row, ATTRIBUTES.query),
  }));
}

function repeatedLines(pushes: Pushes, rows: readonly Row[]): object[] {
  return [...pushes]
    .filter(([, all]) => all.length > 1)
    .map(([lineId, all]) => ({
      line_id: lineId,
      deliveries: all.length,
      first_came: all[0]?.at,
      last_came: all.at(-1)?.at,
      product: text(
        rows.find((row) => text(row, ATTRIBUTES.lineId) === lineId) ?? {},
        'product_name',
      ),
    }));
}

function forgers(forged: readonly Delivery[]): object[] {
  return [...new Set(forged.map(({ ip }) => ip))].map((ip) => {
    const messages = forged.filter((one) => one.ip === ip);
    return {
      source_ip: ip,
      messages: messages.length,
      first_came: messages[0]?.at,
      last_came: messages.at(-1)?.at,
    };
  });
}

const isOf = ({ line }: Delivery, row: Row): boolean =>
  line !== undefined && lineIdOf(SID, line.etransaction_id ?? '') === text(row, ATTRIBUTES.lineId);

const text = (row: Row, name: string): string => row[name]?.S ?? '';
