import { spawnSync } from 'node:child_process';

/** A language that the package is published for. */
export interface Target {
  readonly name: string;
  readonly language: string;
  /** Programs without which only the sources can be generated. */
  readonly needs: readonly string[];
  /** Whether compiling is left out unless asked for. */
  readonly slow?: string;
}

export const TARGETS: readonly Target[] = [
  { name: 'js', language: 'JavaScript', needs: [] },
  { name: 'python', language: 'Python', needs: ['python3'] },
  { name: 'java', language: 'Java', needs: ['java', 'mvn'] },
  {
    name: 'go',
    language: 'Go',
    needs: ['go'],
    slow: 'compiling the CDK for Go takes minutes: --compile-go',
  },
  { name: 'dotnet', language: '.NET', needs: ['dotnet'] },
];

/** Which programs of a target this machine lacks. */
export function missingFor({ needs }: Target): string[] {
  return needs.filter((program) => !isInstalled(program));
}

export function isInstalled(program: string): boolean {
  const versionFlag: Record<string, string> = { go: 'version', java: '-version' };
  return (
    spawnSync(program, [versionFlag[program] ?? '--version'], { stdio: 'ignore' }).status === 0
  );
}
