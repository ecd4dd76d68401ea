const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** Gives the tests a temporary folder of their own, which global-teardown.js removes. */
module.exports = () => {
  process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'postback-tests-'));
};
