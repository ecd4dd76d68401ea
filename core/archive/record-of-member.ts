import { SOURCES } from '../names';
import type { FieldList } from '../rakuten/postback/fields';
import { parseLineId } from '../transactions/keys';
import { inAnyForm, isQueryOf, type KnownMember } from '../transactions/without-member';
import type { ArchiveRecord } from './archive-record';

/**
 * Whether a record of the archive is the member's, in the spellings that count in rows.
 *
 * A record without a row is of no publisher, so it is not the member's of a certain one.
 *
 * @param fieldLists under which postbacks may have been registered: a record does not have its own
 */
export function isRecordOf(
  record: ArchivedQuery,
  member: KnownMember,
  fieldLists: readonly FieldList[],
): boolean {
  const { source, line_id, query } = record;
  const sid = line_id === undefined ? undefined : parseLineId(line_id).sid;
  if (member.sid !== undefined && member.sid !== sid) return false;
  const parameters = [...new URLSearchParams(query)];
  if (source === SOURCES.eventsApi) return isQueryOf(parameters, [], member);
  return isQueryOf(parameters, fieldLists, inAnyForm(member));
}

/** What a record has of its sender's values. */
export type ArchivedQuery = Pick<ArchiveRecord, 'source' | 'line_id' | 'query'>;
