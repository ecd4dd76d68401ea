/**
 * What judges a mutant: the tests of core/ that need no bundle and no synthesis. See
 * docs/mutation-testing.md.
 */
process.env.REGISTRATION_RUNS ??= '10';
process.env.ROTATION_RUNS ??= '10';
process.env.WRITE_RUNS ??= '2';
const REGISTRATION = ['messages', 'properties', 'run', 'requests', 'model'].map(
  (name) => `registration-${name}`,
);
const DEFAULT_TESTS = [
  ...['parse', 'row-state', 'row-store', 'url'],
  ...[
    'by-hand',
    'change-slot',
    'failed-update',
    'lease',
    'register',
    'self-test',
    'undo',
    'unregister',
    'registration',
    ...REGISTRATION,
    'rotation',
  ],
];
const [unit] = require('./jest.config.js').projects;
module.exports = {
  ...unit,
  testMatch: (process.env.MUTATION_TESTS?.split(',') ?? DEFAULT_TESTS).map(
    (name) => `<rootDir>/test/*/core/${name}.test.ts`,
  ),
  // Properties with few runs: MUTATION_RUNS, 25 when left out.
  moduleNameMapper: { '^fast-check$': '<rootDir>/test/support/few-runs.js' },
  maxWorkers: 1,
};
