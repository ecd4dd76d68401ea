import { ALL_FIELDS, type FieldList } from '../rakuten/postback/fields';
import { parsePostback } from '../rakuten/postback/parse';
import type { Item } from './attributes';
import { fromItem } from './item';
import type { LineContent } from './row';
import {
  answerHash,
  fingerprint,
  joinPushes,
  type Push,
  pushHash,
  type ReplacedAnswer,
  type RowState,
  type StoredAnswer,
} from './row-state';
import {
  extraWithoutMember,
  fieldsWithoutMember,
  inAnyForm,
  isPushOf,
  type MemberTest,
  queryWithoutMember,
} from './without-member';

/** Where a row contained the member. */
export interface Traces {
  /** `u1` of the Events API's answer, or of a postback. */
  readonly members: number;
  /** Stored query strings, and values of replaced answers. */
  readonly queries: number;
  /** Parameters and fields that Rakuten does not document. */
  readonly extras: number;
}

/** A row's state without the member, and where it was. */
export interface ScrubbedRow {
  readonly row: RowState;
  readonly traces: Traces;
}

/**
 * Removes a member from both registers of a row, and nothing else. Undefined where it is not in it.
 *
 * The row is then as if the deliveries had come without the member: `pushWithoutMember` and
 * `answerWithoutMember` make the same of them, so that no later delivery changes it again.
 *
 * @param fieldLists under which its postbacks may have been registered
 */
export function rowWithoutMember(
  row: RowState,
  member: MemberTest,
  fieldLists: readonly FieldList[] = [],
): ScrubbedRow | undefined {
  const scrub = new Scrub(row.answer, member, [ALL_FIELDS, ...fieldLists]);
  const answer = row.answer && scrub.answer(row.answer);
  const pushes = row.pushes.map((push) => scrub.push(push, answer));
  const replacedAnswers = row.replacedAnswers.flatMap((replaced) => scrub.replacedAnswer(replaced));
  const { traces } = scrub;
  if (traces.members + traces.queries + traces.extras === 0) return undefined;
  // Postbacks that differed only in the member are now the same.
  return { row: joinPushes({ ...row, answer, pushes, replacedAnswers }, []), traces };
}

/** The row in an item. The member that `forget` is about to remove from it is not in it. */
export function readRow(item: Item, member: MemberTest | undefined): RowState | undefined {
  const row = fromItem(item);
  return (row && member && rowWithoutMember(row, member)?.row) ?? row;
}

class Scrub {
  readonly traces = { members: 0, queries: 0, extras: 0 };
  /** For postbacks, whose values may be escaped. */
  private readonly escaped: MemberTest;

  constructor(
    private readonly knownAnswer: StoredAnswer | undefined,
    private readonly member: MemberTest,
    private readonly fieldLists: readonly FieldList[],
  ) {
    this.escaped = inAnyForm(member);
  }

  answer(answer: StoredAnswer): StoredAnswer {
    const { u1 } = answer.content.fields;
    if (u1 === undefined || !this.member.isMember(u1)) return answer;
    const marked = { ...this.content(answer.content), memberForgotten: true };
    return { ...answer, content: marked, hash: answerHash(marked) };
  }

  push(push: Push, answer: StoredAnswer | undefined): Push {
    const { query: text, content: said } = push;
    if (!isPushOf(push.compared.u1, { query: text, extra: said?.extra }, this.escaped)) return push;
    const compared = fieldsWithoutMember(push.compared, this.escaped);
    const query = this.query(text);
    const content = said && this.content(said, answer === undefined);
    if (compared === push.compared) return { ...push, query, content };
    // The content of the first postback was counted, if it is there.
    if (content?.fields === said?.fields) this.traces.members += 1;
    return { ...push, compared, query, content, hash: this.hashOf(push, query, content, answer) };
  }

  replacedAnswer(replaced: ReplacedAnswer): ReplacedAnswer[] {
    const values = this.query(replaced.values);
    // Nothing but the member had changed.
    return values === '' && replaced.values !== '' ? [] : [{ ...replaced, values }];
  }

  private content(content: LineContent, hasFields = true): LineContent {
    const fields = hasFields ? fieldsWithoutMember(content.fields, this.escaped) : content.fields;
    const extra = extraWithoutMember(content.extra, this.escaped);
    if (fields !== content.fields) this.traces.members += 1;
    if (extra !== content.extra) this.traces.extras += 1;
    return { ...content, fields, extra };
  }

  private query(query: string): string {
    const rest = queryWithoutMember(query, this.escaped);
    if (rest !== query) this.traces.queries += 1;
    return rest;
  }

  /** The hash of the postback without the member, if what the row keeps of it tells that. */
  private hashOf(
    push: Push,
    query: string,
    content: LineContent | undefined,
    answer: StoredAnswer | undefined,
  ): string {
    if (answer === undefined && content !== undefined) return pushHash(content.fields);
    const parameters = [...new URLSearchParams(push.query)];
    const candidates = this.fieldLists.map((fields) => parsePostback(parameters, fields).fields);
    const answered = this.knownAnswer === undefined ? [] : [this.knownAnswer.content.fields];
    const fields = [...answered, ...candidates].find(
      (candidate) => pushHash(candidate) === push.hash,
    );
    if (fields !== undefined) return pushHash(fieldsWithoutMember(fields, this.escaped));
    // A guess at the member could be tested with the old one.
    return fingerprint(
      ['without member', push.receivedAt, push.requestId, query],
      push.hash.length,
    );
  }
}
