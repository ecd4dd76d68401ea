import { createRequire } from 'node:module';
import { setImmediate as breathe } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ConditionalCheckFailedException, DynamoDBClient, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS } from '../../core/transactions/keys';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/embedded/clients';

/** A client of the SDK that sends nothing: its subclasses answer the commands. */
export abstract class OfflineClient extends DynamoDBClient {
  public constructor() {
    super({ region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS, endpoint: 'http://127.0.0.1:9' });
  }

  /** Answers a command of the SDK. */
  public abstract execute(command: unknown): Promise<unknown>;

  // biome-ignore lint/suspicious/noExplicitAny: the SDK has one overload for each command
  public override send(command: any): Promise<any> {
    return this.execute(command);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: requests and answers of DynamoDB's API
type Data = Record<string, any>;
type Action = (store: unknown, data: Data, done: (error: unknown, answer?: Data) => void) => void;

/** dynalite's parts. The package has no types, and its server would cost more than its answers. */
const dynalite = (part: string) => createRequire(__filename)(`dynalite/${part}`);
const KEYS: readonly string[] = Object.values(TABLE_KEYS);

/**
 * DynamoDB in this process: the actions of dynalite, without its HTTP server, one after the other.
 * Like AWS, it returns the item that the condition of a put failed on, and rejects an empty key of
 * an index.
 */
export class MemoryDynamoDb extends OfflineClient {
  private readonly store = dynalite('db').create({ createTableMs: 0 });
  private readonly keys = new Map<string, readonly string[]>();
  private last: Promise<unknown> = Promise.resolve();

  public override execute(command: unknown): Promise<unknown> {
    const { input } = command as { readonly input: Data };
    const action = (command as object).constructor.name.replace(/Command$/, '').replace(/^./, (first) => first.toLowerCase());
    const answer = this.last.then(() => this.answer(action, input));
    this.last = answer.catch(() => {});
    return answer;
  }

  private async answer(action: string, input: Data): Promise<Data> {
    if (action === 'putItem' || action === 'updateItem') this.checkKeys(input);
    try {
      const answer = await this.call(action, input);
      if (action === 'createTable') await this.created(input);
      return answer;
    } catch (error) {
      const { __type: type = '', message = '' } = (error as { readonly body?: Data }).body ?? {};
      if (type === '') throw error;
      const details = { name: type.replace(/^.*#/, ''), message, $metadata: { httpStatusCode: 400 } };
      if (details.name !== 'ConditionalCheckFailedException') throw new DynamoDBServiceException({ ...details, $fault: 'client' });
      throw new ConditionalCheckFailedException({ ...details, ...(await this.itemThere(input)) });
    }
  }

  private async created({ TableName, AttributeDefinitions }: Data): Promise<void> {
    this.keys.set(
      TableName,
      AttributeDefinitions.map(({ AttributeName }: Data) => AttributeName),
    );
    while ((await this.call('describeTable', { TableName })).Table.TableStatus !== 'ACTIVE') await breathe();
  }

  private checkKeys({ TableName, Item, UpdateExpression = '', ExpressionAttributeNames, ExpressionAttributeValues }: Data): void {
    const assigned = [...UpdateExpression.matchAll(/([#\w]+) = (:\w+)/g)].map(([, name, value]) => [
      ExpressionAttributeNames?.[name] ?? name,
      ExpressionAttributeValues?.[value],
    ]);
    const written: Data = Item ?? Object.fromEntries(assigned);
    const empty = this.keys.get(TableName)?.find((name) => written[name]?.S === '');
    if (empty !== undefined) throw Object.assign(new Error(`${empty} is empty, and a key`), { name: 'ValidationException' });
  }

  private async itemThere({ TableName, Item = {}, ReturnValuesOnConditionCheckFailure }: Data): Promise<Data> {
    if (ReturnValuesOnConditionCheckFailure !== 'ALL_OLD') return {};
    const Key = Object.fromEntries(Object.entries(Item).filter(([name]) => KEYS.includes(name)));
    return this.call('getItem', { TableName, Key });
  }

  /** Validates and executes a request as dynalite's server does. */
  private async call(action: string, input: Data): Promise<Data> {
    const validations = dynalite('validations');
    const { types, custom } = dynalite(`validations/${action}`);
    const data = validations.checkTypes(JSON.parse(JSON.stringify(input)), types);
    validations.checkValidations(data, types, custom, this.store);
    return (await promisify(dynalite(`actions/${action}`) as Action)(this.store, data)) ?? {};
  }
}
