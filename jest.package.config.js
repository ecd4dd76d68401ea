/** `node tools/run.mjs test-package`: packs the package as it is published and uses it as a user would. Takes a jsii build, so it is not part of `npm test`. */
module.exports = { ...require('./jest.config'), testMatch: ['**/*.pack-test.ts'] };
