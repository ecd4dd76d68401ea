import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/sources';

const FOLDER = join(ROOT, '.github/workflows');
const workflows = readdirSync(FOLDER).map(
  (name) => [name, readFileSync(join(FOLDER, name), 'utf8')] as const,
);

/** A tag or a branch can be moved, and with it what runs next to the tokens of a release. */
it.each(workflows)(
  '%s names each action by its commit, with the version in a comment',
  (_, text) => {
    const used = [...text.matchAll(/uses: *(.*)/g)].map(([, action]) => action);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used)
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  },
);

it.each(workflows)('%s may read and nothing else, except where a job says so', (_, text) => {
  expect(text).toMatch(/^permissions:\n {2}contents: read\n/m);
});

it('a job that holds a token for publishing installs nothing but from a lock file', () => {
  for (const [, text] of workflows) {
    expect(text).not.toMatch(/npx|npm (i|install|exec)\b/);
    expect(text).not.toMatch(/pip install/);
  }
});
