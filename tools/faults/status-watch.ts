import { ENVIRONMENT, REGISTRATION_PROPERTIES as P, WATCH_EVENTS } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import { postbackUrl } from '../../core/rakuten/postback/url';
import type { WatchSettings } from '../../core/status-watch/record';
import type { WatchResult } from '../../core/status-watch/watch';
import { STATE_TABLE, URL_SECRET } from './names';
import type { FaultPlan } from './proxy';
import { acceptedUrl, endLease, propertiesOf, putState, startEndpoint } from './publisher';
import type { Case, Scenario } from './scenario';
import type { World } from './world';

/** As deployed. */
const TIMEOUT_SECONDS = 300;

/** An event that arrives while its answer is lost each time comes as often as the SDK tries. */
const SDK_TRIES = 4;

const SETTINGS: WatchSettings = {
  onTakeover: 'REPORT',
  selfProbe: true,
  flappingAfter: 3,
  flappingWindowSeconds: 86_400,
  reconciliationFunction: 'reconciliation',
};

export const watching: Scenario = {
  handler: 'status-watch',
  title: 'a check that finds the postback disabled',
  next: 'the next check, five minutes later, does what is left',
  begin: (world, serial, plan) => begin(world, serial, SETTINGS, plan),
};

const FOREIGN_URL = 'https://tracker.example/postback';

/** The slot holds a URL of somebody else, which the function stores and replaces. */
export const reclaiming: Scenario = {
  ...watching,
  title: 'a check that finds the URL of somebody else and reclaims the slot',
  async begin(world, serial, plan) {
    const begun = await begin(world, serial, { ...SETTINGS, onTakeover: 'RECLAIM' }, plan);
    world.rakuten.setSlot(sidOf(serial), { url: FOREIGN_URL, active: true });
    return begun;
  },
};

const sidOf = (serial: number): string => String(6_000_000 + serial);

async function begin(
  world: World,
  serial: number,
  settings: WatchSettings,
  plan?: FaultPlan,
): Promise<Case> {
  await world.forgetAll();
  const { rakuten, rakutenUrl, clients } = world;
  const { said, invoked } = world.standIns;
  const sid = sidOf(serial);
  const endpoint = await startEndpoint(clients.dynamodb, STATE_TABLE);
  const url = postbackUrl(endpoint.url, URL_SECRET, ALL_FIELDS);
  await putState(clients.dynamodb, STATE_TABLE, {
    sid,
    accepted: [acceptedUrl(URL_SECRET)],
    properties: propertiesOf(sid, endpoint.url, rakutenUrl, {
      [P.acknowledgementLimitMillis]: '10000',
    }),
    selfTest: { p50Millis: 1, maxMillis: 2, at: new Date(Date.now() - 3_600_000).toISOString() },
  });
  rakuten.setSlot(sid, { url, active: false });
  const statusWatch = world.fresh('status-watch', TIMEOUT_SECONDS, {
    [ENVIRONMENT.statusWatch]: JSON.stringify(settings),
  });
  const check = async (): Promise<WatchResult> => (await statusWatch.invoke({})) as WatchResult;
  const { disabled, restored } = WATCH_EVENTS.detailTypes;
  return {
    act: async () => {
      try {
        const [result] = (await check()).checks;
        if (result?.restored !== true)
          return `not restored: ${result?.finding}${result?.problem === undefined ? '' : ', and reports why'}`;
        const open = [
          said.includes(restored) ? '' : 'the event',
          invoked.length > 0 ? '' : 'the reconciliation',
        ].filter(Boolean);
        return open.length === 0
          ? 'restored'
          : `restored, ${open.join(' and ')} with the next check`;
      } catch {
        return 'the check fails';
      }
    },
    wrongAtOnce: async () => (rakuten.slot(sid)?.url === url ? [] : ['the slot holds another URL']),
    recover: async () => {
      await endLease(clients.dynamodb, STATE_TABLE, sid);
      await check();
      await check();
    },
    wrongInTheEnd: async () => {
      const wrong: string[] = [];
      if (rakuten.slot(sid)?.active !== true) wrong.push('the postback is still off');
      if (!said.includes(restored)) wrong.push('no event reports that the postback is restored');
      const mostOften = plan?.kind === 'lost' && plan.reach === 'call' ? SDK_TRIES + 1 : 2;
      if (said.filter((type) => type === disabled).length > mostOften)
        wrong.push(`the same event came more than ${mostOften} times`);
      if (invoked.length === 0) wrong.push('no reconciliation was started');
      return wrong;
    },
    close: async () => {
      rakuten.setSlot(sid, undefined);
      await Promise.all([statusWatch.close(), endpoint.close()]);
    },
  };
}
