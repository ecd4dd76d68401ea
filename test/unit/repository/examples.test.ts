import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import packageJson from '../../../package.json';
import {
  exampleFolders,
  examplePackage,
  exampleText,
  typescriptExamples,
} from '../../support/examples';
import { importsOf, ROOT, sourcesIn } from '../../support/sources';

const list = readFileSync(join(ROOT, 'examples/README.md'), 'utf8');

it.each(exampleFolders())('%s is in the list of examples', (example) => {
  expect(list).toContain(`[${example}](${example})`);
});

it.each(typescriptExamples())('%s says how to deploy it and what it costs', (example) => {
  const readMe = exampleText(example, 'README.md');
  for (const part of ['npx cdk deploy', '## What it costs'])
    expect([example, readMe.includes(part)]).toEqual([example, true]);
});

it.each(typescriptExamples())(
  '%s depends on what the project is developed and tested with',
  (example) => {
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
  },
);

it.each(typescriptExamples())('%s has the same set-up as the smallest one', (example) => {
  for (const file of ['cdk.json', 'tsconfig.json'])
    expect(exampleText(example, file)).toBe(exampleText('minimal', file));
});

it.each(typescriptExamples())(
  '%s imports nothing but its own files and what its package.json names: a copy of the folder works',
  (example) => {
    const folder = `examples/${example}/`;
    const { dependencies, devDependencies } = examplePackage(example);
    // Of a package that is there as types only, types may be imported.
    const installed = Object.keys({ ...dependencies, ...devDependencies }).map((name) =>
      name.replace(/^@types\//, ''),
    );
    const wrong = sourcesIn(folder)
      .flatMap(importsOf)
      .filter(({ specifier, target }) => {
        if (target !== undefined) return !target.startsWith(folder);
        return (
          !builtinModules.includes(specifier.replace(/^node:/, '')) &&
          !installed.some((name) => `${specifier}/`.startsWith(`${name}/`))
        );
      });
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  },
);
