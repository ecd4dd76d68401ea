import { randomInt } from 'node:crypto';

/**
 * Numbers that mark our own styling sequences. Text from outside, such as a currency or a
 * parameter name in a forged postback, cannot contain them: they differ in each process.
 */
const MARK = Array.from({ length: 4 }, () => randomInt(1000, 10_000)).join(';');
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of a styling sequence.
const MARKED_STYLE = /(\u001b\[\d{1,2}(?:;\d{4}){4}m)/;

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  inverse: [7, 27],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  magenta: [35, 39],
} as const;

export type Styles = Readonly<Record<keyof typeof STYLES, (text: string | number) => string>>;

/** Functions that style a text for `terminalText`. Disabled ones return it unchanged. */
export function createStyles(isEnabled: boolean): Styles {
  const style =
    ([open, close]: readonly [number, number]) =>
    (text: string | number): string =>
      isEnabled ? `\u001b[${open};${MARK}m${text}\u001b[${close};${MARK}m` : String(text);
  return Object.fromEntries(
    Object.entries(STYLES).map(([name, codes]) => [name, style(codes)]),
  ) as Styles;
}

/**
 * The text as it can be written to a terminal: our own styles, line breaks and tabs work. Each
 * other control, bidirectional or invisible character becomes `\uXXXX`, which is also its form in
 * JSON.
 */
export const terminalText = (text: string): string =>
  mapText(
    text,
    (part) => part.replace(/(?!\r\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped),
    (code) => `\u001b[${code}m`,
  );

/** The text in one line: each control character except our own styles becomes a space. */
export const cellText = (text: string): string =>
  mapText(
    text,
    (part) => part.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' '),
    (code) => `\u001b[${code};${MARK}m`,
  );

/** The split alternates between text and what may be one of our own styles. */
const mapText = (
  text: string,
  onText: (part: string) => string,
  onStyle: (code: string) => string,
): string =>
  text
    .split(MARKED_STYLE)
    .map((part, index) =>
      index % 2 === 1 && part.endsWith(`;${MARK}m`)
        ? onStyle(part.slice(2, part.indexOf(';')))
        : onText(part),
    )
    .join('');

const escaped = (character: string): string =>
  character === '\n' || character === '\t'
    ? character
    : [...Array(character.length).keys()]
        .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
        .join('');

/** Whether to style what goes to this stream: https://no-color.org. */
export function isStyled(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if ((env.NO_COLOR ?? '') !== '') return false;
  return (env.FORCE_COLOR ?? '') !== '' || stream.isTTY === true;
}
