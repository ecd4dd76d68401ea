/** Whole installations for minutes: what a person need not wait for at each change. CI runs them. */
module.exports = { ...require('./jest.config'), testMatch: ['**/*.long-test.ts'] };
