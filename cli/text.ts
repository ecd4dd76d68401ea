import stringWidth from 'string-width';

/** Columns that a text takes on a terminal. A full-width character takes two. */
export const widthOf = (text: string): number =>
  /^[ -~]*$/.test(text) ? text.length : stringWidth(text);

const segmenter = new Intl.Segmenter('en');
const graphemes = (text: string): string[] =>
  [...segmenter.segment(text)].map(({ segment }) => segment);

/** A text of at most `width` columns. A longer one is cut and ends with `…`. */
export function cut(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${split(text, width - 1)[0]}…`;
}

/** Text up to `width` columns, and the rest. The first part has one character at least. */
function split(text: string, width: number): [string, string] {
  const [first = '', ...others] = graphemes(text);
  let start = first;
  for (const grapheme of others) {
    if (widthOf(start + grapheme) > width) break;
    start += grapheme;
  }
  return [start, text.slice(start.length)];
}

/**
 * The text in lines of at most `width` columns, broken at spaces.
 *
 * A word that is longer than a line is broken anywhere. Spaces at the beginning of the text also
 * begin the following lines.
 */
export function wrap(text: string, width: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const room = Math.max(width - indent.length, 2);
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(indent.length).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= room) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    for (line = word; widthOf(line) > room; ) {
      const [start, rest] = split(line, room);
      lines.push(start);
      line = rest;
    }
  }
  return [...lines, line].map((one) => indent + one);
}
