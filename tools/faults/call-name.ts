import type { IncomingMessage } from 'node:http';
import { STATE_TABLE } from './names';

interface Item {
  readonly [name: string]: { readonly S?: string } | undefined;
}
interface Asked {
  readonly TableName?: string;
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ExpressionAttributeValues?: Item;
  readonly SecretId?: string;
}

/** Names a call by service, operation and subject, such as `dynamodb PutItem (lease)`. */
export function nameOf(
  service: string,
  { headers, method, url = '' }: IncomingMessage,
  body: Buffer,
): string {
  const operation = String(headers['x-amz-target'] ?? '').split('.')[1];
  if (service === 'lambda') return 'lambda Invoke';
  if (operation === undefined)
    return `${service} ${method} ${url.split('?', 1)[0]}`.replace(/\/\d+$/, '/<sid>');
  const what = subjectOf(service, JSON.parse(body.toString()) as Asked);
  return what === undefined ? `${service} ${operation}` : `${service} ${operation} (${what})`;
}

/** A row, an item of the state table by its kind, or a secret by its name. */
function subjectOf(service: string, asked: Asked): string | undefined {
  // The URL's secret has a name of its own in each case that changes it.
  if (service === 'secretsmanager') return asked.SecretId?.replace(/-\d+$/, '');
  if (service !== 'dynamodb') return undefined;
  const table = asked.TableName ?? Object.keys(asked.RequestItems ?? {})[0];
  if (table !== STATE_TABLE) return 'row';
  return (
    (asked.Item ?? asked.Key)?.kind?.S ??
    Object.values(asked.ExpressionAttributeValues ?? {})[0]?.S ??
    'state'
  );
}
