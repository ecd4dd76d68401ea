/** A character set in which a sender may write a URL. */
export type Charset = 'utf-8' | 'iso-8859-1' | 'shift_jis' | 'euc-jp';

/** The bytes of a text. A character that the set lacks becomes `?`, as in Java. */
export function encodeText(text: string, charset: Charset): Uint8Array {
  if (charset === 'utf-8') return Buffer.from(text);
  if (charset === 'iso-8859-1')
    return Buffer.from(Array.from(text, (c) => (c <= '\u00ff' ? c : '?')).join(''), 'latin1');
  const table = tableOf(charset);
  return Uint8Array.from(
    Array.from(text).flatMap((c) =>
      c < '\u0080' ? [c.charCodeAt(0)] : (table.get(c) ?? [QUESTION_MARK]),
    ),
  );
}

const QUESTION_MARK = 0x3f;
const tables = new Map<string, ReadonlyMap<string, readonly number[]>>();

/** Byte sequences by character, from what the platform's decoder reads. */
function tableOf(charset: 'shift_jis' | 'euc-jp'): ReadonlyMap<string, readonly number[]> {
  const known = tables.get(charset);
  if (known !== undefined) return known;
  const table = new Map<string, readonly number[]>();
  const decoder = new TextDecoder(charset);
  const add = (...bytes: number[]): void => {
    const text = decoder.decode(Uint8Array.from(bytes));
    if (Array.from(text).length === 1 && text !== '\ufffd' && !table.has(text))
      table.set(text, bytes);
  };
  for (let first = 0x80; first <= 0xff; first += 1) {
    add(first);
    for (let second = 0x40; second <= 0xff; second += 1) add(first, second);
  }
  tables.set(charset, table);
  return table;
}
