const SHORTEST_SECRET = 4;

/** Knows the secrets of a run and takes them, and whatever looks like one, out of texts that people will read. */
export class Redactor {
  private readonly secrets = new Set<string>();

  public add(...secrets: (string | undefined)[]): void {
    for (const secret of secrets) {
      if (secret === undefined || secret.length < SHORTEST_SECRET) continue;
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) this.secrets.add(form);
    }
  }

  /** The text without secrets: query values, user info and authorization headers are masked even when they are not known. */
  public clean(text: string): string {
    let cleaned = text;
    // The longest first, as one secret may be the beginning of another.
    for (const secret of [...this.secrets].sort((a, b) => b.length - a.length)) cleaned = cleaned.replaceAll(secret, '***');
    return cleaned
      .replace(/\b(Bearer|Basic) [\w+/=.~-]{8,}/gi, '$1 ***')
      .replace(/("(?:access_|refresh_)?token"\s*:\s*")[^"]*/gi, '$1***')
      .replace(/:\/\/[^/@\s]*@/g, '://')
      .replace(/([?&](?:amp;)?[\w.~%-]+=)[^&\s"'<>\\]+/g, '$1***');
  }
}

const QUOTED_CHARACTERS = 300;
/** Of a page; taking its markup out of a hostile one takes time that grows with the square of its length. */
const MAX_PAGE_CHARACTERS = 20_000;

/** What somebody else's server said, short enough for an error message: no markup, no line breaks, no secrets. */
export function quote(body: string, redactor: Redactor): string {
  // `<u1>` is a token of a URL, `<html>` markup: only a body that is a page loses its tags.
  const text = /<(html|!doctype|body|head)\b/i.test(body) ? withoutMarkup(redactor.clean(body).slice(0, MAX_PAGE_CHARACTERS)) : body;
  const line = redactor.clean(text).replace(/\s+/g, ' ').trim();
  return line.length <= QUOTED_CHARACTERS ? line : `${line.slice(0, QUOTED_CHARACTERS)}…`;
}

const withoutMarkup = (page: string): string => page.replace(/<(script|style)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^<>]*>/g, ' ');
