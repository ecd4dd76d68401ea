import { requireJsonEnv } from '../../../lambda/shared/environment';

const NAME = 'SETTINGS_OF_A_TEST';

afterEach(() => {
  delete process.env[NAME];
});

it('reads the JSON object in an environment variable', () => {
  process.env[NAME] = '{"window":3}';
  expect(requireJsonEnv(NAME)).toEqual({ window: 3 });
});

it.each([
  ['is not set', undefined],
  ['is not set', ''],
  ['is not a JSON object', '{"window":'],
  ['is not a JSON object', '[1]'],
  ['is not a JSON object', 'null'],
])('names an environment variable that %s, and what to do: %j', (problem, text) => {
  if (text !== undefined) process.env[NAME] = text;
  expect(() => requireJsonEnv(NAME)).toThrow(
    `the environment variable ${NAME} ${problem}; the construct sets it, so deploy the function through it`,
  );
});
