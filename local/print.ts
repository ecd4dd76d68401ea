import { createStyles, isStyled, terminalText } from '../core/terminal-text';

export const colors = createStyles(isStyled(process.stdout, process.env));

/** Prints a line. What postbacks contain cannot act on the terminal. */
export const print = (text: string): void => console.log(terminalText(text));

export const printError = (text: string): void => console.error(terminalText(text));
