import { ENVIRONMENT, WATCH_EVENTS } from '../../core/names';
import { ALL_FIELDS, fieldListId } from '../../core/rakuten/fields';
import { postbackUrl } from '../../core/rakuten/url';
import { sha256 } from '../../core/sha256';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import type { WatchSettings } from '../../core/watch/settings';
import type { WatchResult } from '../../core/watch/watch';
import { endLease, propertiesOf, startEndpoint } from './publisher';
import type { Case, Scenario } from './scenario';
import { forgetAll, type Services, STATE_TABLE, URL_SECRET } from './world';

const SETTINGS: WatchSettings = {
  onTakeover: 'REPORT',
  selfProbe: true,
  flappingAfter: 3,
  flappingWindowSeconds: 86_400,
  reconciliationFunction: 'reconciliation',
};

export const watching: Scenario = {
  handler: 'status-watch',
  title: 'a look that finds the postback switched off',
  next: 'the next look, five minutes later, does what is left',
  begin,
};

async function begin(services: Services, serial: number): Promise<Case> {
  const { client, rakuten, rakutenUrl, fresh, said, invoked } = services;
  await forgetAll(client);
  said.length = 0;
  invoked.length = 0;
  const sid = String(6_000_000 + serial);
  const endpoint = await startEndpoint(services);
  const url = postbackUrl(endpoint.url, URL_SECRET, ALL_FIELDS);
  await new DynamoRegistrationStore(client, STATE_TABLE).writeState({
    sid,
    accepted: [{ secretSha256: sha256(URL_SECRET), fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS }],
    properties: propertiesOf(sid, endpoint.url, rakutenUrl),
    selfTest: { p50Millis: 1, maxMillis: 2, at: new Date(Date.now() - 3_600_000).toISOString() },
  });
  rakuten.setSlot(sid, { url, active: false });
  const statusWatch = fresh('status-watch', 120, { [ENVIRONMENT.statusWatch]: JSON.stringify(SETTINGS) });
  const look = async (): Promise<WatchResult> => (await statusWatch.invoke({})) as WatchResult;
  const { disabled, restored } = WATCH_EVENTS.detailTypes;
  return {
    act: async () => {
      try {
        const [check] = (await look()).checks;
        if (check?.restored !== true) return `not put right: ${check?.finding}${check?.problem === undefined ? '' : ', and says why'}`;
        const open = [said.includes(restored) ? '' : 'the event', invoked.length > 0 ? '' : 'the reconciliation'].filter(Boolean);
        return open.length === 0 ? 'put right' : `put right; ${open.join(' and ')} come with the next look`;
      } catch {
        return 'the look fails';
      }
    },
    wrongAtOnce: async () => (rakuten.slot(sid)?.url === url ? [] : ['the slot holds another URL']),
    recover: async () => {
      await endLease(services, sid);
      await look();
      await look();
    },
    wrongInTheEnd: async () => {
      const wrong: string[] = [];
      if (rakuten.slot(sid)?.active !== true) wrong.push('the postback is still off');
      if (!said.includes(restored)) wrong.push('nobody was told that it is on again');
      if (said.filter((type) => type === disabled).length > 2) wrong.push('the same was told more than twice');
      if (invoked.length === 0) wrong.push('what was lost meanwhile was never asked for');
      return wrong;
    },
    close: async () => {
      rakuten.setSlot(sid, undefined);
      await Promise.all([statusWatch.close(), endpoint.close()]);
    },
  };
}
