import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { commandBlocks } from './command-blocks.ts';
import { paste } from './paste.ts';

const blocks = commandBlocks()
  .filter(({ file }) => file === 'docs/operating.md')
  .map(({ text }) => text.trimEnd());

/** What the page says that each block answers, by the block. */
const answers: Readonly<Record<string, RegExp>> = {
  'npm run -s cli -- status': /sweeping/i,
  'npm run -s cli -- doctor': /plans\s+all \d+ statements use their indexes/,
  'npm run -s cli -- explain build-17': /no heartbeat|not heard/i,
  'npm run -s cli -- advise': /coder|evidence/i,
  'npm run -s cli -- list --status stuck --older-than 1m\nnpm run -s cli -- list --callee coder --status in_progress':
    /build-17.*build-18/s,
  'npm run -s cli -- retry build-17 --dry-run\nnpm run -s cli -- retry build-17': /build-17.*build-17/s,
  'npm run -s cli -- retry --callee coder --since 1h --dry-run': /build-17/,
  'npm run -s cli -- sweep --dry-run': /would/i,
  'npm run -s cli -- hold --for 30m --reason "network change in zone b"\nnpm run -s cli -- release':
    /network change in zone b/,
  'npm run -s cli -- sweep --force': /\S/,
  'npm run -s cli -- check': /STUCK_AFTER = 10m/,
  'npm run -s cli -- reconcile --dry-run': /^Would heal 0\./,
  'RETENTION_DELEGATIONS=90d npm run -s cli -- prune --dry-run': /Nothing is due/,
  'npm run -s cli -- migrate status': /\S/,
  'npm run -s cli -- webhook list': /0 waiting; 0 dead/,
  'npm run -s cli -- webhook replay --all': /0 posts queued again/,
};

let database: TestDatabase;
let daemon: TestDaemon;
beforeAll(async () => {
  database = await createTestDatabase();
  await seedDelegation(database, { delegationId: 'build-17', calleeId: 'coder', silentSeconds: 750 });
  await seedDelegation(database, { delegationId: 'build-18', calleeId: 'coder' });
  await database.query(`UPDATE delegations SET created_at = created_at - interval '20 minutes'`);
  daemon = startDaemon(database.url);
  await daemon.until('delegation.stuck', ({ delegationId }) => delegationId === 'build-17');
  await daemon.until('sweep.completed');
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

test('every block of the page has its answer here', () => {
  expect([...new Set(blocks)]).toEqual(Object.keys(answers));
});

test.each(Object.keys(answers))('%s', async (block) => {
  const { code, stdout, stderr } = await paste(block, { DATABASE_URL: database.url });
  // The tests' own server writes without fsync, which is a finding.
  const accepted = block.endsWith('doctor') ? [0, 1] : [0];
  expect({ code, stderr }).toEqual({ code: accepted.find((each) => each === code), stderr: expect.anything() });
  expect(stdout).toMatch(answers[block]!);
});
