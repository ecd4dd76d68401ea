import { type ApiAnswer, type Behaviour, invalidRequest, jsonAnswer, type Slot } from './types';

const NONE_FOUND = 'No records found';
const NOT_FOUND = jsonAnswer(404, { message: 'Postback not found' });
const INT32_MAX = 2 ** 31 - 1;

/** The one slot each publisher has, and the calls that change it: create, read, update, delete. */
export class Slots {
  private readonly current = new Map<string, Slot>();
  /** What reads still show after a write, and for how many more reads. */
  private readonly stale = new Map<string, { slot: Slot | undefined; reads: number }>();

  public constructor(private readonly behaviour: Behaviour) {}

  public get(sid: string): Slot | undefined {
    return this.current.get(sid);
  }

  public set(sid: string, slot: Slot | undefined): void {
    if (this.behaviour.staleReads > 0)
      this.stale.set(sid, { slot: this.current.get(sid), reads: this.behaviour.staleReads });
    else this.stale.delete(sid);
    if (slot === undefined) this.current.delete(sid);
    else this.current.set(sid, slot);
  }

  /** Time has passed: reads show what is there. */
  public settle(): void {
    this.stale.clear();
  }

  public create(body: unknown): ApiAnswer {
    const problem = bodyProblem(body, ['sid', 'is_active', 'url']);
    if (problem !== undefined) return invalidRequest(problem);
    const { sid, is_active, url } = body as { sid: number; is_active: 'Y' | 'N'; url: string };
    if (this.current.has(String(sid)) && this.behaviour.createOnTaken === 'refuse') {
      return invalidRequest(`a postback already exists for sid ${sid}`);
    }
    this.set(String(sid), { url, active: is_active === 'Y' });
    return this.shown(String(sid), this.current.get(String(sid)));
  }

  public read(sid: string): ApiAnswer {
    return this.shown(sid, this.visible(sid));
  }

  public update(sid: string, body: unknown): ApiAnswer {
    if (!this.current.has(sid)) return NOT_FOUND;
    const problem = bodyProblem(body, ['is_active', 'url']);
    if (problem !== undefined) return invalidRequest(problem);
    const { is_active, url } = body as { is_active: 'Y' | 'N'; url: string };
    this.set(sid, { url, active: is_active === 'Y' });
    return this.shown(sid, this.current.get(sid));
  }

  public delete(sid: string): ApiAnswer {
    if (!this.current.has(sid))
      return this.behaviour.deleteAbsent === 'not-found'
        ? NOT_FOUND
        : { status: 200, headers: {}, body: '' };
    this.set(sid, undefined);
    return { status: 200, headers: {}, body: '' };
  }

  private visible(sid: string): Slot | undefined {
    const stale = this.stale.get(sid);
    if (stale === undefined) return this.current.get(sid);
    stale.reads -= 1;
    if (stale.reads <= 0) this.stale.delete(sid);
    return stale.slot;
  }

  private shown(sid: string, slot: Slot | undefined): ApiAnswer {
    const _metadata = {
      api_name_version: 'postback-v1.0.0',
      _links: { self: `/v1/postback/${sid}` },
    };
    if (slot !== undefined) {
      return jsonAnswer(200, {
        _metadata,
        data: [{ sid: Number(sid), is_active: slot.active ? 'Y' : 'N', url: slot.url }],
      });
    }
    if (this.behaviour.absent === 'not-found') return jsonAnswer(404, { message: NONE_FOUND });
    return this.behaviour.absent === 'empty'
      ? jsonAnswer(200, { _metadata, data: [] })
      : jsonAnswer(200, { message: NONE_FOUND });
  }
}

/**
 * Stricter than Rakuten's description, which requires no property: a body that leaves one out has
 * undocumented effects.
 */
function bodyProblem(body: unknown, properties: readonly string[]): string | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return 'the body must be a JSON object';
  const unknown = Object.keys(body).find((name) => !properties.includes(name));
  if (unknown !== undefined) return `unknown property ${unknown}`;
  const { sid, is_active, url } = body as Record<string, unknown>;
  if (
    properties.includes('sid') &&
    !(Number.isInteger(sid) && (sid as number) > 0 && (sid as number) <= INT32_MAX)
  ) {
    return 'sid must be an int32';
  }
  if (is_active !== 'Y' && is_active !== 'N') return 'is_active must be Y or N';
  return typeof url === 'string' && url !== '' ? undefined : 'url must be a string';
}
