// A mutant is judged by a thousand tests, so a property may take no more of its time than a table of examples does. Only for jest.mutation.config.js.
require('fast-check').configureGlobal({ interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, endOnFailure: true, seed: 20260418 });
