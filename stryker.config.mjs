// Mutation testing of what a wrong line would cost data or the slot for. How to run it, and what is
// left: docs/mutation-testing.md.
export default {
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  jest: { configFile: 'jest.mutation.config.js' },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  incremental: true,
  incrementalFile: 'reports/stryker-incremental.json',
  mutate: [
    'core/rakuten/postback/{parse,values,message,url}.ts',
    'core/transactions/{attributes,item,keys,row-state,row-store}.ts',
    'core/registration/*.ts',
    // Types only.
    '!core/registration/ports.ts',
  ],
  ignorePatterns: ['cdk.out', 'lambda-dist', 'cli-dist', 'dist'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: 'reports/mutation.json' },
  clearTextReporter: { allowColor: false, reportTests: false, reportScoreTable: true },
  thresholds: { high: 90, low: 85, break: null },
  dryRunTimeoutMinutes: 10,
  timeoutMS: 20_000,
  tempDirName: 'reports/stryker-tmp',
};
