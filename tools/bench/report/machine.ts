import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

const VERSIONS_OF = ['@aws-sdk/client-dynamodb', 'aws-cdk-lib', 'esbuild', 'dynalite'];

/** On what and with what was measured, and when. */
export function machine(now: Date): string {
  const [cpu] = cpus();
  const model = cpu?.model.trim() || 'CPU';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  const versions = VERSIONS_OF.map((name) => `${name} ${installedVersion(name)}`);
  return `${now.toISOString().slice(0, 10)}; ${availableParallelism()} × ${model}, ${memory}, ${process.platform} ${release()}, Node ${process.version}; ${versions.join(', ')}`;
}

const installedVersion = (name: string): string =>
  (
    JSON.parse(
      readFileSync(join(__dirname, '..', '..', '..', 'node_modules', name, 'package.json'), 'utf8'),
    ) as { version: string }
  ).version;
