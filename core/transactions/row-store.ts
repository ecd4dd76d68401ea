import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../async';
import { backoffMillis } from '../async';
import { UserError } from '../errors';
import { ATTRIBUTES } from '../names';
import type { FieldList } from '../rakuten/postback/fields';
import { type Item, readText } from './attributes';
import {
  canonicalAttribute,
  changedItem,
  fromItem,
  type ItemOptions,
  OWN_ATTRIBUTES,
  showsChange,
  toItem,
} from './item';
import { keyText, parseLineId, type RowKey, TABLE_KEYS, UNKNOWN_IS_EVENT } from './keys';
import {
  type Answer,
  applyAnswer,
  differingFields,
  EMPTY_ROW,
  joinPushes,
  type PushedLine,
  type RowState,
  withdraw,
} from './row-state';
import { rowWithoutMember, type Traces } from './row-without-member';
import {
  answerWithoutMember,
  type ForgottenSource,
  type MemberTest,
  pushWithoutMember,
} from './without-member';

/**
 * What pushes did to their row:
 *
 * - `stored`: made it
 * - `duplicate`: nothing, the content was known
 * - `other`: other content for a known line; nothing that the row shows changed
 * - `changed`: one arrived earlier than the first one known, and took its place
 */
export type PushOutcome = 'stored' | 'duplicate' | 'other' | 'changed';

export interface PushResult {
  readonly outcome: PushOutcome;
  /** Whether a push that differs from the Events API's answer is new. */
  readonly isNewlyDiffering: boolean;
}

export interface RowStoreOptions extends ItemOptions {
  readonly client: Pick<DynamoDBClient, 'send'>;
  readonly tableName: string;
  readonly clock: Clock;
  /** Members that no delivery may bring back. @default - nobody was forgotten */
  readonly forgotten?: ForgottenSource;
}

/**
 * A row that other writers changed again and again until the deadline. The delivery may be written
 * again.
 */
const rowContentionError = (key: RowKey, tries: number): UserError =>
  new UserError({
    name: 'RowContentionError',
    problem: `other writers changed the row ${keyText(key)} ${tries} times until the deadline`,
  });

class DeletedRowError extends Error {
  constructor(key: RowKey) {
    super(`the row ${keyText(key)} was deleted`);
    this.name = 'DeletedRowError';
  }
}

/** Longest pause after a lost race; it doubles with each one, up to the other. */
const FIRST_PAUSE_MILLIS = 40;
const LONGEST_PAUSE_MILLIS = 1000;

/**
 * The rows of the transaction table. Every write is conditional, so that any number of writers,
 * repetitions and interleavings give the same row.
 *
 * A new line costs one request; a redelivery costs the one refused request. Errors of DynamoDB come
 * through, and every operation may be repeated.
 */
export class RowStore {
  constructor(private readonly options: RowStoreOptions) {}

  /**
   * Adds pushes of one line to its row.
   *
   * @param pushes all of a batch at once: they cost one write
   * @param deadline milliseconds since 1970 until which a lost race is repeated
   */
  async writePushes(
    key: RowKey,
    pushes: readonly PushedLine[],
    deadline: number,
  ): Promise<PushResult> {
    const member = await this.forgottenOf(key);
    const lines =
      member === undefined ? pushes : pushes.map((push) => pushWithoutMember(push, member));
    const change = await this.change(key, (row = EMPTY_ROW) => joinPushes(row, lines), deadline);
    const { before, after } = change;
    return {
      outcome: pushOutcome(change),
      isNewlyDiffering:
        before?.row !== undefined &&
        differingFields(after.row).length > differingFields(before.row).length,
    };
  }

  /**
   * Applies an answer of the Events API to the row. Says whether that changed the row.
   *
   * @param known the row as it was read; undefined if there was none
   */
  async applyAnswer(key: RowKey, answer: Answer, deadline: number, known?: Item): Promise<boolean> {
    const member = await this.forgottenOf(key);
    const kept = member === undefined ? answer : answerWithoutMember(answer, member);
    return isWritten(
      await this.change(key, (row = EMPTY_ROW) => applyAnswer(row, kept), deadline, known),
    );
  }

  /**
   * Withdraws a line. Says whether that changed the row; one that is answered again by now stays.
   */
  async withdraw(key: RowKey, fetchedAt: string, deadline: number): Promise<boolean> {
    const known = await this.read(key);
    if (known === undefined) return false;
    return isWritten(
      await this.change(key, (row = EMPTY_ROW) => withdraw(row, fetchedAt), deadline, known),
    );
  }

  /**
   * Removes a member from the row, and nothing else. Returns where it was; undefined if it was not.
   *
   * @param known the row as it was read
   * @param fieldLists under which its postbacks may have been registered
   */
  async forgetMember(
    member: MemberTest,
    fieldLists: readonly FieldList[],
    deadline: number,
    known: Item,
  ): Promise<Traces | undefined> {
    const key = keyOfItem(known);
    let traces: Traces | undefined;
    const scrub = (row?: RowState): RowState => {
      // A row that expired meanwhile must not come back.
      if (row === undefined) throw new DeletedRowError(key);
      const scrubbed = rowWithoutMember(row, member, fieldLists);
      traces = scrubbed?.traces;
      return scrubbed?.row ?? row;
    };
    try {
      await this.change(key, scrub, deadline, known, (row, before = {}) =>
        changedItem(key, before, row),
      );
      return traces;
    } catch (error) {
      if (error instanceof DeletedRowError) return undefined;
      throw error;
    }
  }

  private async forgottenOf({ lineId }: RowKey): Promise<MemberTest | undefined> {
    return (await this.options.forgotten?.current())?.testFor(parseLineId(lineId).sid);
  }

  /** The row as it is now. */
  async read(key: RowKey): Promise<Item | undefined> {
    const { client, tableName: TableName } = this.options;
    const { Item } = await client.send(
      new GetItemCommand({ TableName, Key: itemKey(key), ConsistentRead: true }),
    );
    return Item;
  }

  /** Replaces the row's state by another one, as often as other writers get in between. */
  private async change(
    key: RowKey,
    next: (row?: RowState) => RowState,
    deadline: number,
    known?: Item,
    itemOf = (row: RowState, _before?: Item): Item => toItem(key, row, this.options),
  ): Promise<Change> {
    let existing = known;
    for (let tries = 1; ; tries++) {
      const before =
        existing === undefined ? undefined : { item: existing, row: fromItem(existing) };
      const row = next(before?.row);
      const after = { row, item: itemOf(row, before?.item) };
      const refusal =
        before === undefined
          ? await this.put(after.item)
          : await this.update(key, before.item, after.item);
      if (refusal === undefined) return { before, after };
      // A rejected put brings the row that is there; only a lost race must read it.
      existing = refusal.Item ?? (await this.read(key));
      if (before === undefined) continue;
      const pause = backoffMillis(tries, FIRST_PAUSE_MILLIS, LONGEST_PAUSE_MILLIS);
      if (this.options.clock.now() + pause >= deadline) throw rowContentionError(key, tries);
      await this.options.clock.pause(pause);
    }
  }

  /** Puts a new row; undefined, or the refusal with the row that has the key already. */
  private async put(item: Item): Promise<ConditionalCheckFailedException | undefined> {
    const { tableName: TableName } = this.options;
    return this.sendConditional(
      new PutItemCommand({
        TableName,
        Item: { ...item, [ATTRIBUTES.updatedAt]: this.timestamp() },
        ConditionExpression: 'attribute_not_exists(#key)',
        ExpressionAttributeNames: { '#key': TABLE_KEYS.partition },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
  }

  /**
   * Writes what differs, if the row is still as it was read. Attributes of others stay as they are.
   */
  private async update(
    key: RowKey,
    before: Item,
    after: Item,
  ): Promise<ConditionalCheckFailedException | undefined> {
    const changes = OWN_ATTRIBUTES.filter(
      (name) =>
        name !== ATTRIBUTES.updatedAt &&
        canonicalAttribute(before[name]) !== canonicalAttribute(after[name]),
    );
    if (changes.length === 0) return undefined;
    const wanted = showsChange(before, after)
      ? { ...after, [ATTRIBUTES.updatedAt]: this.timestamp() }
      : after;
    const names = wanted === after ? changes : [...changes, ATTRIBUTES.updatedAt];
    const set = names.filter((name) => wanted[name] !== undefined);
    const remove = names.filter((name) => wanted[name] === undefined);
    const revision = before[ATTRIBUTES.revision];
    const placeholder = new Map(
      [...new Set([...names, ATTRIBUTES.revision])].map((name, index) => [name, `#${index}`]),
    );
    const value = new Map(set.map((name, index) => [name, `:${index}`]));
    return this.sendConditional(
      new UpdateItemCommand({
        TableName: this.options.tableName,
        Key: itemKey(key),
        UpdateExpression: [
          clause(
            'SET',
            set.map((name) => `${placeholder.get(name)} = ${value.get(name)}`),
          ),
          clause(
            'REMOVE',
            remove.map((name) => placeholder.get(name) ?? ''),
          ),
        ].join(' '),
        ConditionExpression:
          revision === undefined
            ? `attribute_not_exists(${placeholder.get(ATTRIBUTES.revision)})`
            : `${placeholder.get(ATTRIBUTES.revision)} = :revision`,
        ExpressionAttributeNames: Object.fromEntries(
          [...placeholder].map(([name, alias]) => [alias, name]),
        ),
        ExpressionAttributeValues: {
          ...Object.fromEntries(
            set.map((name) => [value.get(name) ?? '', wanted[name] as AttributeValue]),
          ),
          ...(revision === undefined ? {} : { ':revision': revision }),
        },
      }),
    );
  }

  private async sendConditional(
    command: PutItemCommand | UpdateItemCommand,
  ): Promise<ConditionalCheckFailedException | undefined> {
    try {
      await this.options.client.send(command as PutItemCommand);
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return error;
      throw error;
    }
  }

  private timestamp(): AttributeValue {
    return { S: new Date(this.options.clock.now()).toISOString() };
  }
}

interface Version {
  readonly item: Item;
  readonly row: RowState;
}

interface Change {
  /** Absent: the row is new. Without `row`: an application began it before its line came. */
  readonly before: { readonly item: Item; readonly row: RowState | undefined } | undefined;
  readonly after: Version;
}

const isWritten = ({ before, after }: Change): boolean =>
  before?.item[ATTRIBUTES.revision]?.S !== after.item[ATTRIBUTES.revision]?.S;

function pushOutcome(change: Change): PushOutcome {
  const {
    before,
    after: { item, row },
  } = change;
  if (before?.row === undefined) return 'stored';
  if (!isWritten(change)) return 'duplicate';
  return before.row.pushes[0]?.hash === row.pushes[0]?.hash && !showsChange(before.item, item)
    ? 'other'
    : 'changed';
}

const clause = (keyword: string, parts: readonly string[]): string =>
  parts.length === 0 ? '' : `${keyword} ${parts.join(', ')}`;

export const itemKey = ({ lineId, isEvent }: RowKey): Item => ({
  [TABLE_KEYS.partition]: { S: lineId },
  [TABLE_KEYS.sort]: { S: isEvent },
});

/** The key of a row that was read. */
export const keyOfItem = (item: Item): RowKey => ({
  lineId: readText(item[TABLE_KEYS.partition]),
  isEvent: (item[TABLE_KEYS.sort]?.S ?? UNKNOWN_IS_EVENT) as RowKey['isEvent'],
});
