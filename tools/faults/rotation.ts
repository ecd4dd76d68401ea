import { randomBytes } from 'node:crypto';
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { REGISTRATION_PROPERTIES as P } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import type { Case, Scenario } from './scenario';
import { caseOf, Stack } from './stack';

export const rotating: Scenario = {
  handler: 'registration',
  title: "rotation: a new secret in the slot's URL",
  next: 'Lambda retries a failed rotation of the schedule twice, and the next rotation continues with the value that was made',
  async begin(world, serial, plan): Promise<Case> {
    const stack = await Stack.begin(world, serial, plan);
    const { secretsManager } = world.clients;
    const [Name, first] = [`url-secret-${serial}`, randomBytes(24).toString('hex')];
    await secretsManager.send(new CreateSecretCommand({ Name, SecretString: first }));
    world.secrets.add(first);
    await stack.request('Create', stack.properties({ [P.urlSecretArn]: Name }));
    const labelled = async (VersionStage: string): Promise<string | undefined> => {
      const read = await secretsManager
        .send(new GetSecretValueCommand({ SecretId: Name, VersionStage }))
        .catch(() => undefined);
      return read?.SecretString;
    };
    const rotate = async (): Promise<string> =>
      ((await stack.invoke({ operation: 'rotate-secret', sid: stack.sid })) as { outcome: string })
        .outcome;
    const wrong = async (): Promise<string[]> => {
      for (const stage of ['AWSPENDING', 'AWSCURRENT'])
        world.secrets.add((await labelled(stage)) ?? first);
      return stack.lostPostbacks();
    };
    const unrotated = async (): Promise<string[]> => {
      const current = (await labelled('AWSCURRENT')) ?? '';
      const entries =
        (await stack.state())?.accepted.filter(
          ({ acceptedUntil }) => acceptedUntil === undefined,
        ) ?? [];
      return [
        ...(current === first ? ['the secret is the old one'] : []),
        ...(stack.holds(ALL_FIELDS, current)
          ? []
          : ["the slot's URL does not have the current secret"]),
        ...(entries.length === 1 ? [] : [`${entries.length} secrets are accepted without an end`]),
      ];
    };
    return caseOf(stack, {
      act: rotate,
      wrongAtOnce: async (failure) => [
        ...(await wrong()),
        ...(failure !== undefined ? [] : await unrotated()),
      ],
      recover: rotate,
      wrongInTheEnd: async () => [...(await wrong()), ...(await unrotated())],
    });
  },
};
