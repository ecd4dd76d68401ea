import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CliError, EXIT } from './errors';

/** The files contain the publisher's transactions. */
const OWNER_ONLY = 0o600;

/**
 * Opens a file that only its owner can read, also if it existed with other permissions.
 *
 * @param flags `wx` for a new file, `a` to append
 * @throws CliError if the file cannot be written
 */
export async function openOutputFile(path: string, flags: 'wx' | 'a'): Promise<FileHandle> {
  try {
    const handle = await open(path, flags, OWNER_ONLY);
    await handle.chmod(OWNER_ONLY);
    return handle;
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/**
 * Writes a file that has its name only when it is complete, so a script never reads half of it.
 *
 * The file is created before the first value is read. Only its owner can read it.
 */
export async function writeOutputFile(
  path: string,
  content: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory())
    throw fileError(path, { code: 'EISDIR' });
  const partial = `${path}.${randomUUID().slice(0, 8)}.part`;
  const handle = await openOutputFile(partial, 'wx').catch((error: CliError) => {
    throw fileError(path, error.cause);
  });
  let readError: unknown;
  const read = async function* (): AsyncGenerator<string> {
    try {
      yield* content;
    } catch (error) {
      readError = error;
      throw error;
    }
  };
  try {
    await pipeline(Readable.from(read()), handle.createWriteStream(), { signal });
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    if (signal.aborted)
      throw new CliError(`stopped: ${path} was not written`, EXIT.error, { cause });
    throw readError ?? fileError(path, cause);
  }
}

function fileError(path: string, cause: unknown): CliError {
  const { code, message } = cause as { code?: string; message?: string };
  const reasons: Record<string, string> = {
    ENOENT: `there is no folder ${dirname(path)}: create it first`,
    ENOTDIR: `${dirname(path)} is not a folder: choose another`,
    EISDIR: 'it is a folder: add the name of a file',
    EACCES: `the permission to write in ${dirname(path)} is missing: choose another folder`,
    EPERM: `the permission to write in ${dirname(path)} is missing: choose another folder`,
    EROFS: `${dirname(path)} is read-only: choose another folder`,
    ENOSPC: 'the disk is full: free some space',
    ENAMETOOLONG: 'its name is too long: choose a shorter one',
  };
  return new CliError(
    `cannot write ${path}: ${reasons[code ?? ''] ?? message ?? code}`,
    EXIT.error,
    { cause },
  );
}
