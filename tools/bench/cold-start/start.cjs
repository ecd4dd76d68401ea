// Loads a bundle in a process of its own, as a cold start does, and prints what that took:
// processor time of all threads, and time passed.
const [, , bundle] = process.argv;
const cpuBefore = process.cpuUsage();
const before = process.hrtime.bigint();
require(bundle);
const wall = Number(process.hrtime.bigint() - before) / 1e6;
const { user, system } = process.cpuUsage(cpuBefore);
process.stdout.write(`${JSON.stringify({ cpu: (user + system) / 1e3, wall })}\n`);
process.exit();
