/** Rakuten may escape a value once more than the URL needs. Nothing is known to do it more often. */
const MAX_DECODINGS = 3;
/** An escaped member ID is far shorter. A longer value costs no time. */
const MAX_CHARACTERS = 2048;

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

type Decoding = (text: string) => string;

/** How a postback may change a value: see docs/rows.md. */
const DECODINGS: readonly Decoding[] = [
  (text) => text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString()),
  (text) => text.replaceAll('+', ' '),
  // A plus sign that Rakuten did not escape arrives as a space.
  (text) => text.replaceAll(' ', '+'),
  (text) =>
    text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,4}));/gi, (entity, decimal?: string, hex?: string, name = '') => {
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : (ENTITIES[name] ?? entity);
    }),
];

/** The one form of a value that rows keep: trimmed, in NFC. */
export const normalForm = (value: string): string => value.trim().normalize('NFC');

/** The value, and what it may have been before it was escaped. */
export function decodedForms(value: string): ReadonlySet<string> {
  const forms = new Set([normalForm(value)]);
  if (value.length > MAX_CHARACTERS) return forms;
  let latest = [value];
  for (let round = 0; round < MAX_DECODINGS && latest.length > 0; round += 1) {
    latest = latest.flatMap((text) => DECODINGS.map((decode) => decode(text))).filter((text) => !forms.has(normalForm(text)));
    for (const text of latest) forms.add(normalForm(text));
  }
  return forms;
}
