// Entry of `npm start`: builds the functions and the command line, then runs local/main.ts in this
// process. Starting npm and Node for each step would take longer than the steps.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '../tools/install.mjs';

const tools = join(dirname(fileURLToPath(import.meta.url)), '..', 'tools');
const builds = ['build-lambda.mjs', 'build-cli.mjs'].map(async (script) => {
  const child = spawn(process.execPath, [join(tools, script)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  return code;
});
if ((await Promise.all(builds)).some((code) => code !== 0)) process.exit(1);

if (process.argv.includes('--ui')) install('local/ui');
await import('../tools/typescript.mjs');
createRequire(import.meta.url)('./main.ts');
