/** The campaign of the promise: a month of a busy publisher. */
export const LONG = { days: 30, lines: 100_000 } as const;
/** The one that runs with the tests. */
export const SHORT = { days: 3, lines: 1_500 } as const;
