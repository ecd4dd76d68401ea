/**
 * fast-check with fewer runs, for mutation testing: a mutant dies of the first counterexample or,
 * mostly, not of a property at all.
 */
const path = require('node:path');
const real = require(path.join(__dirname, '../../node_modules/fast-check/lib/cjs/fast-check.js'));
const most = Number(process.env.MUTATION_RUNS ?? 25);
const fc = { ...(real.default ?? real) };
// A counterexample need not be small: nobody reads it.
fc.assert = (property, parameters) =>
  real.assert(property, {
    ...parameters,
    numRuns: Math.min(most, parameters?.numRuns ?? 100),
    endOnFailure: true,
  });
module.exports = { ...real, __esModule: true, default: fc, assert: fc.assert };
