import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json';
import { exampleFolders, examplePackage, exampleText, typescriptExamples } from '../support/examples';
import { ROOT } from '../support/sources';

const list = readFileSync(join(ROOT, 'examples/README.md'), 'utf8');

it.each(exampleFolders())('%s is in the list of examples', (example) => {
  expect(list).toContain(`[${example}](${example})`);
});

it.each(typescriptExamples())('%s says how to deploy it and what it costs', (example) => {
  const readMe = exampleText(example, 'README.md');
  for (const part of ['npx cdk deploy', '## What it costs']) expect([example, readMe.includes(part)]).toEqual([example, true]);
});

it.each(typescriptExamples())('%s depends on what the project is developed and tested with', (example) => {
  const { name, private: isPrivate, dependencies, devDependencies } = examplePackage(example);
  expect([name, isPrivate]).toEqual([`rakuten-postback-${example}`, true]);
  const developed: Record<string, string> = {
    ...packageJson.dependencies,
    ...packageJson.devDependencies,
    'cdk-rakuten-postback': packageJson.version,
  };
  for (const [dependency, range] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect([dependency, range]).toEqual([dependency, `^${developed[dependency]}`]);
  }
});

it.each(typescriptExamples())('%s has the same set-up as the smallest one', (example) => {
  for (const file of ['cdk.json', 'tsconfig.json']) expect(exampleText(example, file)).toBe(exampleText('minimal', file));
});
