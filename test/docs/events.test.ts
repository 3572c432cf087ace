import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { eventTypes } from '../../src/events/event-types.ts';
import { spawnNode } from '../support/child.ts';
import { seedDelegation, testSweeper } from '../support/fixtures.ts';
import { eventsIn } from '../support/subscriber.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/events.md'), 'utf8');
const codeOf = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(page)![1]!;
const database = useDatabase({ per: 'test' });

test('the program of the page subscribes, and is told of a mark', async () => {
  const folder = await mkdtemp(path.join(root, 'test', 'docs', '.events-'));
  try {
    const file = path.join(folder, 'service.ts');
    writeFileSync(file, codeOf('ts'));
    await using child = spawnNode([file], { env: { DATABASE_URL: database.url } });
    await waitFor(
      'both subscriptions',
      async () => (await database.query('SELECT FROM pgboss.subscription')).length === 2,
    );
    await seedDelegation(database, { delegationId: 'silent', silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await waitFor('its line', async () => child.stdoutLines.length > 0);
    expect(child.stdoutLines).toEqual(['delegation.stuck.v1 silent: asked by caller']);
    child.kill('SIGKILL');
    await child.exit;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the SQL of the page subscribes as well', async () => {
  await database.query(codeOf('sql'));
  await seedDelegation(database, { delegationId: 'silent', silentSeconds: 700 });
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  expect(await eventsIn(database, 'callers')).toMatchObject([{ subject: 'silent' }]);
});

test('the page names each type with its schema', () => {
  const named = [...page.matchAll(/^\| `([a-z_.]+\.v\d)` \|.*\(events\/(.*)\.schema\.json\) \|$/gm)];
  expect(named.map(([, type, file]) => [type, file])).toEqual(eventTypes.map((type) => [type, type]));
});
