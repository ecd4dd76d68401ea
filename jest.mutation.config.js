/** What judges a mutant: the tests of core/ that need no bundle and no synthesis, each property for a moment only. See docs/mutation-testing.md. */
process.env.REGISTRATION_RUNS ??= '60';
process.env.ROTATION_RUNS ??= '20';
module.exports = {
  ...require('./jest.config.js'),
  testMatch: ['parse', 'merge', 'write', 'registration', 'registration-model', 'rotation'].map((name) => `<rootDir>/test/core/${name}.test.ts`),
  setupFiles: ['<rootDir>/test/setup.js', '<rootDir>/test/brief-properties.js'],
  maxWorkers: 1,
};
