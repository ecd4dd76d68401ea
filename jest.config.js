/** Tests run from the TypeScript sources (type checking is `npx tsc --noEmit`), against the bundles that `pretest` builds. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  // A bound against hanging only: a machine that is busy with something else is no failure.
  testTimeout: 300_000,
  // Tests leave nothing in the temporary folder, and neither does Jest's cache.
  globalSetup: '<rootDir>/test/global-setup.js',
  globalTeardown: '<rootDir>/test/global-teardown.js',
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  setupFiles: ['<rootDir>/test/setup.js'],
  testMatch: ['**/*.test.ts'],
  // Every processor: most of the time goes into loading aws-cdk-lib once per file.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/test/sequencer.js',
  // Sources first: the build leaves .js files beside them.
  moduleFileExtensions: ['ts', 'js', 'json'],
  // The examples import the client as their users do.
  moduleNameMapper: { '^cdk-rakuten-postback/client$': '<rootDir>/client/index.ts' },
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
};
