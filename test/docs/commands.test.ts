import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { createTestDatabase } from '../support/database.ts';
import { blocksIn, commandBlocks } from './command-blocks.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** By the block's first command: what runs the block as it is pasted. */
const runBy: Readonly<Record<string, string>> = {
  'README.md: npm ci && npm run demo': 'deploy/package/documented.ts',
  'README.md: npm run demo -- --a2a': 'deploy/package/documented.ts',
  'README.md: IMAGE=registry.example/delegation-sweeper:0.1.0': 'deploy/verify/documented.ts',
  'docs/deploy.md: docker build -f deploy/Dockerfile --build-arg NODE_IMAGE=node@sha256:... -t registry.example/delegation-sweeper:0.1.0 .':
    'deploy/verify/documented.ts',
  'docs/deploy.md: psql "$ADMIN_URL" -f deploy/postgres/roles.sql': 'deploy/verify/documented.ts',
  'docs/deploy.md: kubectl create namespace delegation-sweeper': 'deploy/verify/documented.ts',
  'docs/deploy.md: kubectl apply -k deploy/k8s/overlays/production': 'deploy/verify/documented.ts',
  'docs/a2a.md: npm run -s build': 'deploy/package/documented.ts',
  'docs/library.md: npm ci && npm run -s build && npm pack': 'deploy/package/documented.ts',
  'docs/library.md: npm install /path/to/delegation-sweeper-*.tgz kysely pg': 'deploy/package/documented.ts',
};

/** By the same: why no test runs the block. */
const notRun: Readonly<Record<string, string>> = {
  'docs/doctor.md: kubectl -n delegation-sweeper exec deployment/delegation-sweeper -- node /app/dist/main.js doctor':
    'it needs a cluster; test/doctor/fresh.test.ts runs the command as the sweeper role',
  'README.md: npm ci && npm test': 'it is this run of the tests; .ci/run begins with it in a fresh clone',
  'docs/retention.md: RETENTION_DELEGATIONS=90d delegation-sweeper prune --dry-run':
    'it is for a ledger of your own; test/cli/prune.test.ts runs the command',
  'docs/retention.md: psql "$ADMIN_URL" -v retention=on -f deploy/postgres/roles.sql':
    'it needs an administrator; test/doctor/roles.test.ts runs the file with that variable',
  "docs/citus.md: psql \"$ADMIN_URL\" -c 'SET citus.enable_schema_based_sharding = on' -c 'CREATE SCHEMA eu'":
    'it needs Citus; npm run test:citus does the same',
  'docs/citus.md: psql "$ADMIN_URL" -c \'SET citus.enable_unsafe_triggers = on\' -c "SELECT citus_schema_distribute(\'eu\')"':
    'it needs Citus; docs/scaling.md says what was run by hand',
  'docs/performance.md: npm run bench -- --publish': 'it takes half an hour and replaces the published figures',
};

/** By the same, in the blocks of the two programs: commands that need a registry or a cluster, and what stands in for them. */
const replaced: Readonly<Record<string, string>> = {
  docker: 'the image and its registry; npm run verify:deploy builds deploy/Dockerfile by buildah and runs the image',
  kubectl: 'a cluster; kustomize renders, and the migration runs where its Job is waited for',
};

/** Each of their blocks is run by a test of the page's own, which fails when one is left out. */
const pagesWithTests = ['docs/operating.md', 'docs/scaling.md'];

const titles = commandBlocks()
  .filter(({ file }) => !pagesWithTests.includes(file))
  .map(({ file, text }) => `${file}: ${text.split('\n')[0]}`);

test('every block of commands in the docs is run by a test, or is listed with the reason why not', () => {
  const listed = [...Object.keys(runBy), ...Object.keys(notRun)];
  expect(titles.toSorted()).toEqual(listed.toSorted());
});

test.each([...new Set(Object.values(runBy))])('%s reads the blocks from the docs', (file) => {
  expect(readFileSync(path.join(root, file), 'utf8')).toContain('commandBlocks()');
});

test('only what needs a registry or a cluster is replaced where the deployment is run', () => {
  const source = readFileSync(path.join(root, 'deploy/verify/documented.ts'), 'utf8');
  const [programs] = /const programs.*?^};/ms.exec(source)!;
  expect([...programs.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name)).toEqual(Object.keys(replaced));
});

test('a block without a language holds no commands', () => {
  const commands = /^\s*(?:\$ )?(?:npm|npx|node|docker|kubectl|psql|curl|git|delegation-sweeper|[A-Z_]+=\S+ \w+) /m;
  expect(blocksIn(['']).filter(({ text }) => commands.test(text))).toEqual([]);
});

test("every SQL block is one that this version's tables can run", async () => {
  await using database = await createTestDatabase();
  const blocks = blocksIn(['sql']);
  expect(blocks.length).toBeGreaterThan(4);
  const statements = blocks.flatMap(({ text }) => text.split(/(?<=;)\n/)).filter((text) => /^(?!--|$)/m.test(text));
  for (const [index, text] of statements.entries()) await database.query(`PREPARE statement_${index} AS ${text}`);
});

/** A script of package.json, or a command of the program, that a page names in its text. */
const inText = blocksOfCode();

test.each(inText)('%s, named in a text, exists', (command) => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const [, script] = /^npm (?:run (?:-s )?)?([\w:]+)/.exec(command)!;
  expect(['ci', 'install', 'pack', ...Object.keys(scripts)]).toContain(script);
});

function blocksOfCode(): string[] {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'docs/deploy.md',
    'docs/a2a.md',
    'docs/library.md',
    'docs/operating.md',
    'docs/performance.md',
    'docs/reliability.md',
    'docs/scaling.md',
  ];
  const text = pages.map((page) => readFileSync(path.join(root, page), 'utf8')).join('\n');
  return [...new Set([...text.matchAll(/`(npm (?:run (?:-s )?)?[\w:]+)[^`]*`/g)].map(([, command]) => command!))];
}
