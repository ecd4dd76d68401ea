// The sequencer comes with jest itself.
const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * Long runs first, so that the last of them does not end alone: jest knows how long a file takes
 * only from an earlier run, and a fresh clone has none.
 */
module.exports = class extends Sequencer {
  sort(tests) {
    const isLong = ({ path }) => /[\\/](e2e|tools[\\/]simulation)/.test(path);
    const sorted = super.sort(tests);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
};
