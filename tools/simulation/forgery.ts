import { fieldListId } from '../../core/rakuten/postback/fields';
import type { Random } from '../../fake-rakuten/random';
import { fillTemplate } from '../../fake-rakuten/sender';
import { ENDPOINT_URL } from './endpoint';
import { SID } from './settings';
import type { World } from './world';

/** Prefix of invented transaction IDs. Not hexadecimal, so Rakuten has none like them. */
export const FORGED_PREFIX = 'FORGED';

const PLAUSIBLE =
  'is_event=N&etransaction_id=<etransaction_id>&advertiser_id=<advertiser_id>&sid=<sid>&order_id=<order_id>' +
  '&sale_amount=<sale_amount>&commissions=<commissions>&quantity=1&currency=USD&u1=<u1>&process_date=<process_date>&transaction_date=<transaction_date>';

const MINUTE = 60_000;
const FLOOD_PER_MINUTE = 60;
const TIMEOUT_MILLIS = 10_000;

/**
 * Sends GETs without the accepted secret to the endpoint, and counts those that came into the
 * queue.
 */
export class Forger {
  public sent = 0;

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** Sends `count` GETs over a time. */
  public async trickle(count: number, millis: number): Promise<void> {
    const { clock } = this.world;
    for (let begun = 0; begun < count; begun += 1) {
      await clock.sleep((millis / count) * 2 * this.random.next());
      clock.spawn(() => this.forge());
    }
  }

  /** Sends many GETs per minute. */
  public async flood(from: number, to: number): Promise<void> {
    const { clock } = this.world;
    await clock.sleepUntil(from);
    while (clock.now() < to) {
      await clock.sleep(MINUTE / FLOOD_PER_MINUTE);
      clock.spawn(() => this.forge());
    }
  }

  private async forge(): Promise<void> {
    await this.world.endpoint.get(await this.url(), TIMEOUT_MILLIS, () => {
      this.sent += 1;
    });
  }

  /**
   * A URL that claims a sale, without the accepted secret: lines that Rakuten sent, and retired
   * secrets.
   */
  private async url(): Promise<string> {
    const { random } = this;
    const { clock, operator, installation, pushedLines: lines } = this.world;
    const { text: secret } = await installation.urlSecret.current();
    const listId = fieldListId(installation.fields);
    const real = lines.length > 0 ? random.pick(lines) : {};
    const invented = {
      ...real,
      sid: SID,
      etransaction_id: `${FORGED_PREFIX}${random.hex(26)}`,
      order_id: `F-${random.hex(8)}`,
    };
    const inflated = { ...real, commissions: '9999.99', sale_amount: '99999.99', u1: 'm_forger' };
    const line = fillTemplate(PLAUSIBLE, random.chance(0.6) ? invented : inflated);
    const guesses = [
      '',
      `k=${random.hex(43)}`,
      `k=${secret.slice(0, -1)}`,
      `k=${secret}x`,
      `k=${secret.toLowerCase()}`,
      `k=&%6B%00=${secret}`,
      // In the name and in the value of another parameter, and as the parameters of a queue
      // message.
      `x=${encodeURIComponent(`&k=${secret.slice(1)}&f=${listId}`)}`,
      `src=events-api&sid=${SID}&id=1&at=1`,
      `q=${encodeURIComponent(line)}&src=events-api`,
      `%26src=events-api&a=${encodeURIComponent(`&src=events-api&sid=${SID}&q=${encodeURIComponent(line)}`)}`,
      ...operator.retiredSecrets
        .filter(({ at }) => at < clock.now())
        .map(({ text }) => `k=${text}&f=${listId}`),
    ];
    const guess = random.pick(guesses);
    return `${ENDPOINT_URL}?${random.chance(0.5) ? `${guess}&${line}` : `${line}&${guess}`}`;
  }
}
