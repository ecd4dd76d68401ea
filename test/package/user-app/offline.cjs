// Loaded before an app (`node --require`): whoever reaches for the network, for another program or
// for esbuild fails.
const childProcess = require('node:child_process');
const dns = require('node:dns');
const Module = require('node:module');
const net = require('node:net');

function refuse(what) {
  return () => {
    throw new Error(`synthesis must not ${what}`);
  };
}

net.Socket.prototype.connect = refuse('use the network');
for (const name of ['lookup', 'resolve']) dns[name] = refuse('use the network');
for (const name of ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync'])
  childProcess[name] = refuse('run a program');

const load = Module._load;
Module._load = function loadUnlessEsbuild(request, ...rest) {
  if (request === 'esbuild') refuse('bundle')();
  return load.call(this, request, ...rest);
};
