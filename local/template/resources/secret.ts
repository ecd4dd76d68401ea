import { randomInt } from 'node:crypto';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { type Maker, physicalName } from '../context';

export const makeSecret: Maker = async (resource, context) => {
  const { properties } = resource;
  const generate = properties.GenerateSecretString as GenerateSecretString | undefined;
  const { ARN = '' } = await context.clients.secretsManager.send(
    new CreateSecretCommand({
      Name: physicalName(resource, context, properties.Name),
      SecretString:
        generate === undefined ? String(properties.SecretString ?? '') : secretString(generate),
    }),
  );
  return { ref: ARN, attributes: { Id: ARN } };
};

interface GenerateSecretString {
  readonly PasswordLength?: number;
  readonly ExcludeCharacters?: string;
  readonly ExcludePunctuation?: boolean;
  readonly ExcludeLowercase?: boolean;
  readonly ExcludeUppercase?: boolean;
  readonly ExcludeNumbers?: boolean;
  readonly IncludeSpace?: boolean;
  readonly SecretStringTemplate?: string;
  readonly GenerateStringKey?: string;
}

function secretString(options: GenerateSecretString): string {
  const password = randomPassword(options);
  if (options.SecretStringTemplate === undefined) return password;
  return JSON.stringify({
    ...JSON.parse(options.SecretStringTemplate),
    [options.GenerateStringKey ?? 'password']: password,
  });
}

function randomPassword(options: GenerateSecretString): string {
  const characters = [
    options.ExcludeLowercase ? '' : 'abcdefghijklmnopqrstuvwxyz',
    options.ExcludeUppercase ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    options.ExcludeNumbers ? '' : '0123456789',
    options.ExcludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    options.IncludeSpace ? ' ' : '',
  ]
    .join('')
    .split('')
    .filter((character) => !options.ExcludeCharacters?.includes(character));
  return Array.from(
    { length: options.PasswordLength ?? 32 },
    () => characters[randomInt(characters.length)],
  ).join('');
}
