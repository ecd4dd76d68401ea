import { REGION } from './program';

/**
 * Makes a hosted zone in the emulator's Route 53 and returns its id. By hand, as nothing else of
 * the project needs Route 53's client.
 */
export async function createHostedZone(endpoint: string, name: string): Promise<string> {
  const body = `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>${name}</Name><CallerReference>${Date.now()}</CallerReference></CreateHostedZoneRequest>`;
  const response = await fetch(`${endpoint}/2013-04-01/hostedzone`, {
    method: 'POST',
    // The emulator looks at the service's name only.
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/route53/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body,
  });
  const text = await response.text();
  const id = /<Id>\/hostedzone\/(\w+)<\/Id>/.exec(text)?.[1];
  if (id === undefined)
    throw new Error(`the emulator made no hosted zone: ${response.status} ${text}`);
  return id;
}
