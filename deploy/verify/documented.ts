import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commandBlocks } from '../../test/docs/command-blocks.ts';
import { attempt, tail } from './command.ts';
import { pathOf } from './packages.ts';
import { PostgresServer } from './postgres-server.ts';
import { assert, type Report } from './report.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** What the reader types at psql's \password, twice for each of the two roles; the URLs in the files have it, too. */
const PASSWORD = 'PASSWORD';
const TYPED = `${PASSWORD}\n`.repeat(4);

/**
 * The registry's and the cluster's programs are replaced: they record how they were called. kustomize is the real one. To
 * wait for the migration's Job is to run the migration, with the URL that the Job's secret has.
 */
const programs: Readonly<Record<string, string>> = {
  docker: 'echo "docker $*" >> "$CALLS"',
  kubectl: `echo "kubectl $*" >> "$CALLS"
case " $* " in
  *" kustomize "*) exec "$KUBECTL" "$@" ;;
  *" apply -k "*) exec "$KUBECTL" kustomize "\${@: -1}" > "$APPLIED" ;;
  *" apply -f - "*) cat > "$APPLIED" ;;
  *" create secret "*) for file in "$@"; do case "$file" in --from-file=*) test -s "\${file##*=}" || exit 1 ;; esac; done ;;
  *" wait "*) DATABASE_URL_FILE=migrator.url exec "$NODE" src/main.ts migrate up ;;
esac`,
};

/** Runs the deployment's commands as README.md and docs/deploy.md have them, in a copy of the checkout. */
export async function verifyDocumented(report: Report): Promise<void> {
  const blocks = commandBlocks();
  const readme = blocks.filter(({ file, text }) => file === 'README.md' && text.includes('kubectl'));
  await report.check('documented', "README.md's deployment, as pasted", () => deployed(readme.map(({ text }) => text)));
  const pages = blocks.filter(({ file }) => file === 'docs/deploy.md');
  await report.check('documented', "docs/deploy.md's steps, as pasted", () => deployed(pages.map(({ text }) => text)));
}

async function deployed(blocks: readonly string[]): Promise<void> {
  assert(blocks.length > 0, 'there is no such block');
  await using server = await PostgresServer.start({});
  await server.query('CREATE DATABASE agents');
  const dir = await mkdtemp(path.join(tmpdir(), 'verify-documented-'));
  try {
    const { work, env } = await prepare(dir, server);
    const yours = (text: string) =>
      text
        .replace('postgresql://postgres@db.example:5432/agents', server.socketUrl({ database: 'agents' }))
        .replaceAll('db.example:5432', `localhost:${server.port}`);
    for (const role of ['sweeper', 'migrator']) {
      const url = `postgresql://delegation_sweeper_${role}:${PASSWORD}@localhost:${server.port}/agents`;
      await writeFile(path.join(work, `${role}.url`), url);
    }
    await writeFile(path.join(work, 'ca.crt'), 'the authority of the server');
    const script = ['set -euo pipefail', ...blocks.map(yours)].join('\n');
    // Without a terminal of its own psql reads the passwords from its input.
    const ran = await attempt('setsid', ['--wait', 'bash', '-c', script], { cwd: work, env, input: TYPED });
    assert(ran.code === 0, `exited ${ran.code}: ${tail(ran.stderr)}`);
    const applied = await readFile(env.APPLIED, 'utf8');
    const image = /^\s*image: (.*)$/m.exec(applied)?.[1] ?? '';
    assert(/^registry\.example\//.test(image), `applied the image ${image}`);
    const calls = await readFile(env.CALLS, 'utf8');
    for (const call of ['docker build', 'docker push', 'create namespace', 'create secret', 'wait --for=condition']) {
      assert(calls.includes(call), `never called ${call}: ${calls}`);
    }
    const swept = await attempt(process.execPath, ['src/main.ts', 'sweep', '--json'], {
      cwd: work,
      env: { ...env, DATABASE_URL_FILE: 'sweeper.url' },
    });
    assert(swept.code === 0, `the sweeper's role cannot sweep: ${swept.stderr}`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A folder that has all of the checkout and takes the files which the commands write. */
async function prepare(dir: string, server: PostgresServer) {
  const [work, bin] = [path.join(dir, 'checkout'), path.join(dir, 'bin')];
  await mkdir(work);
  await mkdir(bin);
  for (const entry of await readdir(root)) await symlink(path.join(root, entry), path.join(work, entry));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(path.join(bin, name), `#!/bin/bash\nset -euo pipefail\n${script}\n`);
    await chmod(path.join(bin, name), 0o755);
  }
  await symlink(await pathOf('psql'), path.join(bin, 'psql'));
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    HOME: dir,
    ADMIN_URL: server.socketUrl({ database: 'agents' }),
    NODE: process.execPath,
    KUBECTL: await pathOf('kubectl'),
    CALLS: path.join(dir, 'calls'),
    APPLIED: path.join(dir, 'applied.yaml'),
  };
  return { work, env };
}
