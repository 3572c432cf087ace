import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DataHome } from './data-home.ts';
import { canEnter } from './server-user.ts';

/** Names the socket only: nothing listens on TCP. */
export const PORT = 5432;

const SOCKET_PATH_BYTES_MAX = 107;
const TEMPORARY_PREFIX = 'dsweep-';

/** A folder for the server's user only: whoever can enter it can connect. Next to the data, or where the path is short. */
export async function makeSocketDir(home: DataHome): Promise<string> {
  const beside = path.join(home.dir, 'socket');
  // No server runs: files that a crash left there would make the next one believe that another runs.
  await rm(beside, { recursive: true, force: true });
  const dir = fits(beside) ? beside : await temporaryDir(home);
  await mkdir(dir, { recursive: true });
  await chmod(dir, 0o700);
  if (home.user.stepDown) await chown(dir, home.user.uid, home.user.gid);
  return dir;
}

function fits(dir: string): boolean {
  // A comma would split unix_socket_directories in two.
  return !dir.includes(',') && Buffer.byteLength(`${dir}/.s.PGSQL.${PORT}.lock`) <= SOCKET_PATH_BYTES_MAX;
}

async function temporaryDir(home: DataHome): Promise<string> {
  const isUsable = fits(path.join(tmpdir(), `${TEMPORARY_PREFIX}XXXXXX`)) && (await canEnter(home.user, tmpdir()));
  return mkdtemp(path.join(isUsable ? tmpdir() : '/tmp', TEMPORARY_PREFIX));
}

export function isTemporary(socketDir: string): boolean {
  return path.basename(socketDir).startsWith(TEMPORARY_PREFIX);
}

/** Only a temporary one, whose server has ended. */
export async function removeSocketDir(socketDir: string): Promise<void> {
  if (isTemporary(socketDir)) await rm(socketDir, { recursive: true, force: true });
}

/** node-pg and libpq both prefer the `host` parameter to the host of the address, which is there for URL parsers. */
export function socketUrl(socketDir: string): string {
  return `postgresql://postgres@localhost:${PORT}/postgres?host=${encodeURIComponent(socketDir)}`;
}
