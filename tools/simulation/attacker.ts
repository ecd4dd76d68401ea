import { postbackUrl } from '../../core/rakuten/postback/url';
import type { LineRecord } from '../../fake-rakuten';
import type { Random } from '../../fake-rakuten/random';
import { fillTemplate } from '../../fake-rakuten/sender';
import { ENDPOINT_URL } from './endpoint';
import { SID } from './settings';
import type { RakutenStep } from './traffic';
import type { World } from './world';

/** The member that an attacker claims sales for. */
export const ATTACKER = 'm_attacker';

/** One GET: the line that it claims, and what follows in the query string. */
interface Claim {
  readonly line: LineRecord;
  readonly more?: string;
}

const TIMEOUT_MILLIS = 10_000;
const SECOND = 1000;
/** Part of the attacks that name a line before Rakuten pushes it. */
const EARLY = 0.15;
/** Steps of the traffic that an attacker foresees. */
const COMING_STEPS = 200;
const isPush = ({ does, line }: RakutenStep): boolean => does === 'push' && line.sid === SID;
/** API Gateway accepts 10,240 bytes of request line and headers. */
const LARGEST_URL_BYTES = 9_800;

/** Sends GETs with the accepted secret and IDs of real lines to the endpoint. */
export class Attacker {
  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** Attacks at random moments. */
  public async attack(count: number, millis: number): Promise<void> {
    const { clock } = this.world;
    for (let begun = 0; begun < count; begun += 1) {
      await clock.sleep((millis / count) * 2 * this.random.next());
      clock.spawn(() => this.attackOnce());
    }
  }

  private async attackOnce(): Promise<void> {
    const { random } = this;
    const {
      clock,
      endpoint,
      installation,
      observer,
      pushedLines: pushed,
      traffic,
      nextStep,
    } = this.world;
    const { text: secret } = await installation.urlSecret.current();
    // Their IDs are not known before, but nothing must depend on that.
    const coming = traffic.steps
      .slice(nextStep, nextStep + COMING_STEPS)
      .filter(isPush)
      .map(({ line }) => line);
    const isEarly = coming.length > 0 && random.chance(EARLY);
    if (!isEarly && pushed.length === 0) return;
    const line = isEarly ? random.pick(coming) : random.pick(pushed);
    const template = postbackUrl(ENDPOINT_URL, secret, installation.fields);
    for (const { line: claimed, more = '' } of random.pick(ATTACKS)(line, random)) {
      const url = `${fillTemplate(template, claimed)}${more}`.slice(0, LARGEST_URL_BYTES);
      clock.spawn(() =>
        endpoint.get(url, TIMEOUT_MILLIS, () => observer.received(url, 'attacker')),
      );
      await clock.sleep(random.next() * SECOND * 0.3);
    }
  }
}

type Attack = (line: LineRecord, random: Random) => Claim[];

const LARGE_AMOUNTS: LineRecord = { sale_amount: '66666.66', commissions: '6666.66' };
const FAR_DATES = [
  '1999-01-01T00:00:00Z',
  '2099-12-31T23:59:59Z',
  '9999-12-31T23:59:59Z',
  '2026-03-02T12:00:00.000+09:00',
  'never',
];
const minus = (amount = '0'): string => (amount.startsWith('-') ? amount.slice(1) : `-${amount}`);
const invented = (random: Random): LineRecord => ({
  etransaction_id: random.hex(32),
  u1: ATTACKER,
  ...LARGE_AMOUNTS,
});
const repeat = (count: number, claim: (n: number) => Claim): Claim[] =>
  Array.from({ length: count }, (_, n) => claim(n));

const ATTACKS: readonly Attack[] = [
  // Values of a known line.
  (line) => [{ line: { ...line, ...LARGE_AMOUNTS } }],
  (line) => [
    { line: { ...line, u1: ATTACKER } },
    { line: { ...line, u1: ATTACKER, ...LARGE_AMOUNTS } },
  ],
  (line) => [
    { line: { ...line, sale_amount: '', commissions: '', quantity: '', currency: 'usd', u1: '' } },
  ],
  (line) => [
    {
      line: { ...line, sale_amount: minus(line.sale_amount), commissions: minus(line.commissions) },
    },
  ],
  (line) => [
    { line: { ...line, commissions: '1e14', quantity: '9'.repeat(40), currency: 'EURO' } },
  ],
  (line, random) => [
    { line: { ...line, order_id: random.hex(8), sku_number: 'SKU', advertiser_id: '1' } },
  ],
  // Replays, with the dates that would win if dates decided.
  (line) => repeat(3, () => ({ line })),
  (line, random) =>
    FAR_DATES.map((process_date) => ({
      line: { ...line, process_date, transaction_date: random.pick(FAR_DATES) },
    })),
  (line, random) => [
    { line: { ...line, ...LARGE_AMOUNTS, process_date: random.pick(FAR_DATES), u1: ATTACKER } },
  ],
  // Other keys.
  (line) => [
    { line: { ...line, sid: '9999999' } },
    { line: { ...line, sid: `${SID}.0`, ...LARGE_AMOUNTS } },
  ],
  (line) => [
    { line: { ...line, is_event: line.is_event === 'Y' ? 'N' : 'Y' } },
    { line: { ...line, is_event: 'maybe' } },
  ],
  (line) => [
    {
      line: { ...line, etransaction_id: ` ${line.etransaction_id?.toLowerCase()} `, u1: ATTACKER },
    },
  ],
  (line) => [{ line: { ...line, etransaction_id: '', u1: ATTACKER } }],
  (line) => [{ line: { ...line, etransaction_id: `9999999#${line.etransaction_id}` } }],
  // Lines that Rakuten does not have, in orders that it has.
  (line, random) => [{ line: { ...line, ...invented(random) } }],
  (line, random) => [
    { line: { ...line, ...invented(random), is_event: 'N', sale_amount: minus(line.sale_amount) } },
  ],
  (line, random) => [{ line: { ...line, ...invented(random), is_event: 'Y', sku_number: '' } }],
  // The largest GETs, on one row.
  (line, random) => {
    const target = random.chance(0.5) ? line : { ...line, ...invented(random) };
    return repeat(29, (n) => ({
      line: { ...target, product_name: '', u1: `${ATTACKER}${n}` },
      more: `&z=${filler(n, random)}`,
    }));
  },
  (line) =>
    repeat(12, (n) => ({
      line: {
        ...line,
        product_name: `${n}${'ｱ'.repeat(900)}`,
        order_id: 'o'.repeat(256),
        u1: 'é'.repeat(128),
      },
    })),
  (line) =>
    repeat(40, (n) => ({
      line: { ...line, product_name: '' },
      more: `%FF%FE%EF%BF%BD${n}&%00=%FF`,
    })),
  // Many at once.
  (line, random) =>
    repeat(150, (n) => ({
      line: { ...line, commissions: String(n), quantity: String(random.integer(1, 9)) },
    })),
];

function filler(n: number, random: Random): string {
  const part = random.pick(['x', '%FF', '%F0%9F%90%88', '&a', `&p${n}=`]);
  return part.repeat(Math.floor(8_500 / part.length));
}
