/** What judges a mutant: the tests of core/ that need no bundle and no synthesis. See docs/mutation-testing.md. */
process.env.REGISTRATION_RUNS ??= '60';
process.env.ROTATION_RUNS ??= '20';
module.exports = {
  ...require('./jest.config.js'),
  testMatch: (process.env.MUTATION_TESTS ?? 'parse,merge,write,url,registration,registration-model,rotation')
    .split(',')
    .map((name) => `<rootDir>/test/core/${name}.test.ts`),
  maxWorkers: 1,
};
