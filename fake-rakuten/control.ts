import type { FakeRakuten } from '.';
import type { Modes } from './modes';
import {
  type ApiAnswer,
  type ApiRequest,
  type Behaviour,
  type Fault,
  invalidRequest,
  jsonAnswer,
  type LineRecord,
  type Slot,
} from './types';

const PREFIX = '/_control/';

/**
 * Routes for a shell script that drives the fake, in addition to Rakuten's own.
 *
 * `GET slot|ledger|statistics?sid=`, `PUT slot?sid=` (JSON slot, or `null`), `PUT modes?sid=`
 * (those that differ from the default), `GET requests`, `POST record|push|eliminate` (a line),
 * `POST faults` (one fault or a list), `DELETE faults`, `POST behaviour` (a part of it).
 * Undefined for every other path.
 */
export async function control(fake: Omit<FakeRakuten, 'url' | 'close'>, request: ApiRequest): Promise<ApiAnswer | undefined> {
  if (!request.path.startsWith(PREFIX)) return undefined;
  const url = new URL(request.path, 'http://fake');
  const route = `${request.method} ${url.pathname.slice(PREFIX.length)}`;
  try {
    const body: unknown = request.body === '' ? undefined : JSON.parse(request.body);
    return await dispatch(fake, route, url.searchParams.get('sid') ?? '', body);
  } catch (error) {
    return invalidRequest(String(error));
  }
}

async function dispatch(fake: Omit<FakeRakuten, 'url' | 'close'>, route: string, sid: string, body: unknown): Promise<ApiAnswer> {
  switch (route) {
    case 'GET slot':
      return jsonAnswer(200, JSON.stringify(fake.slot(sid) ?? null));
    case 'PUT slot':
      fake.setSlot(sid, (body as Slot | null) ?? undefined);
      return jsonAnswer(200, {});
    case 'GET ledger':
      return jsonAnswer(200, fake.ledger(sid));
    case 'GET statistics':
      return jsonAnswer(200, fake.statistics(sid));
    case 'GET requests':
      return jsonAnswer(200, fake.requests);
    case 'POST record':
      fake.record(body as LineRecord);
      return jsonAnswer(200, {});
    case 'PUT modes':
      fake.setModes(sid, body as Partial<Modes>);
      return jsonAnswer(200, {});
    case 'POST eliminate':
      fake.eliminate(body as LineRecord);
      return jsonAnswer(200, {});
    case 'POST push':
      return jsonAnswer(200, await fake.push(body as LineRecord));
    case 'POST faults':
      for (const fault of Array.isArray(body) ? body : [body]) fake.fault(fault as Fault);
      return jsonAnswer(200, {});
    case 'DELETE faults':
      fake.clearFaults();
      return jsonAnswer(200, {});
    case 'POST behaviour':
      Object.assign(fake.behaviour, body as Partial<Behaviour>);
      return jsonAnswer(200, {});
    default:
      return jsonAnswer(404, { message: `no control route ${route}` });
  }
}
