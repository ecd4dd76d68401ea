/**
 * Tests run from the TypeScript sources (type checking is `npx tsc --noEmit`), against the bundles
 * that `pretest` builds.
 */
const project = (displayName, testMatch) => ({
  displayName,
  testMatch: testMatch.map((pattern) => `<rootDir>/test/${pattern}`),
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/test/setup.js'],
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  // Sources first: the build leaves .js files beside them.
  moduleFileExtensions: ['ts', 'js', 'json'],
  // The examples import the client as their users do.
  moduleNameMapper: { '^cdk-rakuten-postback/client$': '<rootDir>/client/index.ts' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
});

module.exports = {
  projects: [
    project('unit', ['unit/**/*.test.ts']),
    project('property', ['property/**/*.test.ts']),
    // The bundles and the command line, over HTTP against embedded servers.
    project('integration', ['integration/**/*.test.ts']),
    // Whole installations, for minutes: `node tools/run.mjs test-long`.
    project('long', ['integration/**/*.long-test.ts']),
    // The package as it is published, which takes a jsii build: `node tools/run.mjs test-package`.
    project('package', ['package/**/*.test.ts']),
  ],
  // A bound against hanging only: a machine that is busy with something else is no failure.
  testTimeout: 300_000,
  // Tests leave nothing in the temporary folder.
  globalSetup: '<rootDir>/test/global-setup.js',
  globalTeardown: '<rootDir>/test/global-teardown.js',
  // Every processor: most of the time goes into loading aws-cdk-lib once per file.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/test/sequencer.js',
};
