import * as fc from 'fast-check';
import { cellText, createStyles, terminalText } from '../../../core/terminal-text';

const styles = createStyles(true);
/** Characters that act on a terminal, between ordinary ones. */
const HOSTILE = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001b[31m',
        '\u001b]0;title\u0007',
        '\u009b2J',
        '\u0000',
        '\u202e',
        '\r',
        '\r\n',
        '\u{e0001}',
      ),
    ),
  )
  .map((parts) => parts.join(''));

describe('text from outside', () => {
  it('cannot act on the terminal', () => {
    fc.assert(
      fc.property(HOSTILE, (text) => {
        expect(terminalText(text).replaceAll('\r\n', '')).not.toMatch(
          /[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/u,
        );
        expect(cellText(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      }),
    );
  });

  it('stays the same value in JSON', () => {
    fc.assert(
      fc.property(HOSTILE, HOSTILE, (name, value) => {
        const document = { [name]: value };
        expect(JSON.parse(terminalText(JSON.stringify(document)))).toEqual(document);
      }),
    );
  });

  it('cannot use the styles, which work around it', () => {
    fc.assert(
      fc.property(HOSTILE, (text) => {
        expect(terminalText(styles.red(text))).toBe(`\u001b[31m${terminalText(text)}\u001b[39m`);
        expect(terminalText(styles.bold(cellText(text)))).toBe(
          `\u001b[1m${cellText(text)}\u001b[22m`,
        );
      }),
    );
  });
});

it('disabled styles leave a text as it is', () => {
  expect(createStyles(false).red('paid')).toBe('paid');
});
