import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The user that the server runs as. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  /** True when this process is root and must give the files to that user and switch to it; false when it is this user. */
  readonly stepDown: boolean;
}

const PREFERRED_NAMES = ['postgres', 'nobody'];
const NOBODY = 65534;

/** This process's own user, or for root an unprivileged one; `owner` is the user that already owns the data, if any. */
export async function pickServerUser(owner?: { uid: number; gid: number }): Promise<ServerUser> {
  const uid = process.geteuid?.() ?? NOBODY;
  if (uid !== 0) return { uid, gid: process.getegid?.() ?? NOBODY, stepDown: false };
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, stepDown: true };
  // initdb looks its user up, so a listed user is preferred to a bare number.
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , id, group]) => ({ name, uid: Number(id), gid: Number(group) }))
    .filter((user) => user.uid > 0 && Number.isInteger(user.gid));
  const named = PREFERRED_NAMES.map((name) => users.find((user) => user.name === name)).find((user) => user);
  const picked = named ?? users[0] ?? { uid: NOBODY, gid: NOBODY };
  return { uid: picked.uid, gid: picked.gid, stepDown: true };
}

/** Spawn options that run a child as this user, without this process's environment: PG* variables would change the server. */
export function asUser(user: ServerUser) {
  return {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(user.stepDown && { uid: user.uid, gid: user.gid }),
  };
}

/** Runs a program to its end as this user and returns its output. Throws when it fails. */
export async function runAs(user: ServerUser, file: string, args: readonly string[], timeoutMs: number) {
  const { stdout } = await run(file, args, { ...asUser(user), timeout: timeoutMs, killSignal: 'SIGKILL' });
  return stdout;
}

/** Tried, not computed from the modes: access lists and mounts matter as well. */
export async function canEnter(user: ServerUser, folder: string): Promise<boolean> {
  return runAs(user, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder], 10_000).then(
    () => true,
    () => false,
  );
}
