import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { openLedger } from '../../src/index.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { Following } from '../ledger/watch/following.ts';
import { spawnNode } from '../support/child.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { addressOf, proxied } from '../support/proxied.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase();
const library = pathToFileURL(path.resolve(import.meta.dirname, '../../src/index.ts')).href;
const EAGER = { everyMs: 100 };

test('a database that is away does not end a watch: it goes on with what happened meanwhile, and logs the outage once', async () => {
  const [early, meanwhile, late] = [await seedDelegation(database), await seedDelegation(database), randomUUID()];
  await using proxy = await TcpProxy.open(() => addressOf(database.url));
  const { logger, events } = capturedLog();
  await using watching = await openLedger(proxied(database.url, proxy), { logger, connectTimeoutMs: 1_000 });
  const { ledger } = testLedger(database.db);
  await using byIds = new Following(watching.watch([early, meanwhile], EAGER));
  await using byCaller = new Following(watching.watch({ callerId: 'caller' }, EAGER));
  await waitFor('its first look', () => byCaller.watch.cursor !== null);
  await ledger.setStatus(early, 'completed');
  for (const following of [byIds, byCaller]) await following.heard(`${early} completed`);
  proxy.cut();
  await ledger.setStatus(meanwhile, 'stuck');
  await ledger.insert({ delegationId: late, callerId: 'caller', calleeId: 'callee', taskPreview: 'task' });
  await ledger.setStatus(late, 'failed', { errorDetail: 'no' });
  const failures = () => events('ledger.watch_failed');
  await waitFor('both to notice', () => failures().length === 2);
  proxy.restore();
  await byIds.over;
  await byCaller.heard(`${meanwhile} stuck`, `${late} failed`);
  expect(byIds.told).toEqual([`${early} completed`, `${meanwhile} stuck`]);
  expect(byCaller.told).toEqual([`${early} completed`, `${meanwhile} stuck`, `${late} failed`]);
  expect(failures()).toHaveLength(2);
  expect(failures()[0]).toMatchObject({ level: 'warn', retryInMs: expect.any(Number), err: expect.anything() });
});

test('a watch ends with what trying again does not mend: no ledger there, a role without rights, a ledger that was closed', async () => {
  const missing = testLedger(database.db.withSchema('nowhere')).ledger;
  await expect(missing.watch(['d']).next()).rejects.toMatchObject({ name: 'OutdatedSchemaError', code: '42P01' });
  const closed = await openLedger(database.url, { logger: capturedLog().logger });
  const following = new Following(closed.watch({ callerId: 'caller' }, EAGER));
  await waitFor('its first look', () => following.watch.cursor !== null);
  await closed[Symbol.asyncDispose]();
  await expect(following.over).rejects.toThrow(/calling end|pool was closed/);
  const url = new URL(database.url);
  const role = `reader_${randomUUID().replaceAll('-', '')}`;
  await database.query(`CREATE ROLE ${role} LOGIN`);
  try {
    url.username = role;
    await using barred = await openLedger(url.href, { logger: capturedLog().logger });
    await expect(barred.watch(['d']).next()).rejects.toMatchObject({ code: '42501' });
  } finally {
    await database.query(`DROP ROLE ${role}`);
  }
});

test('an orchestrator learns of the death of its agent, which is killed, and tries it again; then it ends by itself', async () => {
  const orchestrator = `
    const { openLedger } = await import('${library}');
    await using ledger = await openLedger(process.env.DATABASE_URL);
    const task = { callerId: 'orchestrator', calleeId: 'coder', taskPreview: 'task' };
    await ledger.insertMany([{ delegationId: 'dies', stuckAfterMs: 1_000, ...task }, { delegationId: 'lives', ...task }]);
    console.log('delegated');
    for await (const { delegationId, event, errorDetail } of ledger.watch(['dies', 'lives'], { everyMs: 200 })) {
      const again = event === 'delegation.stuck' ? (await ledger.retry(delegationId)).outcome : '';
      console.log(delegationId, event, errorDetail ?? '', again);
    }
    console.log('over');`;
  const agent = (id: string) => `
    const { openLedger } = await import('${library}');
    await using ledger = await openLedger(process.env.DATABASE_URL);
    await ledger.setStatus('${id}', 'in_progress');
    await using alive = ledger.keepAlive('${id}');
    console.log('working');
    for await (const _ of process.stdin) break;
    await ledger.setStatus('${id}', 'completed');`;
  const run = (script: string) =>
    spawnNode(['--input-type=module', '--eval', script], { env: { DATABASE_URL: database.url } });
  const { sweeper } = testSweeper(database.db);
  await using caller = run(orchestrator);
  await caller.waitForLine((line) => line === 'delegated');
  await using victim = run(agent('dies'));
  await using survivor = run(agent('lives'));
  for (const each of [victim, survivor]) await each.waitForLine((line) => line === 'working');
  victim.kill('SIGKILL');
  await waitFor('the sweep to mark it', async () => (await sweeper.sweep({ trigger: 'manual' })).stuck === 1);
  await caller.waitForLine((line) => /^dies delegation\.stuck no heartbeat for \d+s inserted$/.test(line));
  survivor.say('finish');
  expect(await caller.exit).toEqual({ code: 0, signal: null });
  expect(caller.stdoutLines.slice(-2)).toEqual(['lives delegation.completed  ', 'over']);
  expect(caller.stderrLines).toEqual([]);
});
