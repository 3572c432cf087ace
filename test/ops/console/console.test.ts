import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';
import { startOps } from '../running-ops.ts';

describe('the pages about delegations', () => {
  const database = useDatabase({ replayed: false, per: 'test' });

  test('list what the filters say, a page at a time, to the end and back', async () => {
    for (let i = 0; i < 5; i += 1) await seedDelegation(database, { delegationId: `id-${i}`, calleeId: 'coder' });
    await seedDelegation(database, { delegationId: 'other', calleeId: 'planner' });
    await using ops = await startOps(database.url);
    const seen: string[] = [];
    let path: string | undefined = '/delegations?callee=coder&limit=2';
    for (let pages = 0; path !== undefined && pages < 5; pages += 1) {
      const { status, body } = await ops.get(path);
      expect(status).toBe(200);
      seen.push(...[...body.matchAll(/href="\/delegations\/([^"]+)"/g)].map(([, id]) => id!));
      path = /href="([^"]+)">Older</.exec(body)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(seen).toEqual(['id-4', 'id-3', 'id-2', 'id-1', 'id-0']);
  });

  test.each([
    ['status=odd', '<code>status</code> must be one of queued, dispatched'],
    ['older-than=soon', '<code>older-than</code> must be an integer and a unit (ms, s, m, h, d), such as 6h.'],
    ['older-than=0s', '<code>older-than</code> must be a positive number of milliseconds'],
    ['limit=0', '<code>limit</code> must be a whole number from 1 to 200.'],
    ['limit=201', '<code>limit</code> must be a whole number from 1 to 200.'],
    ['limit=1e2', '<code>limit</code> must be a whole number from 1 to 200.'],
    ['callee=%00', '<code>callee</code> must not contain control characters'],
    [`caller=${'x'.repeat(201)}`, '<code>caller</code> must have 1 to 200 characters, not 201.'],
    ['after=somewhere', '<code>after</code> must be a cursor'],
    ['sort=up', '<code>sort</code> is no filter of the list; accepted: status, callee'],
  ])('refuse %s, and say what is accepted', async (query, words) => {
    await using ops = await startOps(database.url);
    const { status, body } = await ops.get(`/delegations?${query}`);
    expect(body).toContain(words);
    expect(status).toBe(400);
  });

  test('name all that is wrong at once', async () => {
    await using ops = await startOps(database.url);
    const { body } = await ops.get('/delegations?status=odd&limit=0&older-than=x');
    for (const filter of ['status', 'limit', 'older-than'])
      expect(body).toContain(`<li><code>${filter}</code> must be`);
  });

  test.each(['a/b', '..', '.', '/', 'ünï 🙂?#%', '%2e%2e', '"><script>', `${'🙂'.repeat(200)}`])(
    'show the delegation %p, by the link in the list',
    async (delegationId) => {
      await seedDelegation(database, { delegationId });
      await using ops = await startOps(database.url);
      const { body } = await ops.get('/delegations');
      const table = body.slice(body.indexOf('<table'));
      const href = /href="([^"]+)"/.exec(table)![1]!.replaceAll('&amp;', '&');
      const { pathname, search } = new URL(href, 'http://localhost/');
      const answer = await ops.get(`${pathname}${search}`);
      expect(answer.status).toBe(200);
      expect(answer.body).not.toContain('<script');
      expect(answer.body).toMatch(/<h1><span>Delegation <code>.+<\/code>/);
    },
  );

  test('of an unknown delegation is 404, with the ids that are like it', async () => {
    await seedDelegation(database, { delegationId: 'build-1234' });
    await using ops = await startOps(database.url);
    const { status, body } = await ops.get('/delegations/build-1235');
    expect(status).toBe(404);
    expect(body).toContain('<a href="/delegations/build-1234">');
  });

  test.each([
    ['/delegations/%ff', 400],
    ['/delegations/%zz', 400],
    ['/delegations/%00', 404],
    [`/delegations/${'x'.repeat(201)}`, 404],
    [`/delegations/${'%F0%9F%99%82'.repeat(201)}`, 404],
    ['/delegations/', 404],
  ])('answer %s with %p, without an error in the log', async (path, expected) => {
    await using ops = await startOps(database.url);
    expect((await ops.get(path)).status).toBe(expected);
    expect(ops.events('ops.request_failed')).toEqual([]);
  });

  test('show previews only where that was asked for', async () => {
    const { ledger } = testLedger(database.db);
    await ledger.insert({ delegationId: 'd', callerId: 'a', calleeId: 'b', taskPreview: 'secret-task' });
    await ledger.setStatus('d', 'in_progress');
    await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() - interval '1 hour'`);
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await ledger.setStatus('d', 'failed', { errorDetail: 'secret-detail', responseBody: { secret: 'secret-body' } });
    const shown = async (env: NodeJS.ProcessEnv) => {
      await using ops = await startOps(database.url, env);
      return `${(await ops.get('/delegations/d')).body}${(await ops.get('/delegations')).body}`;
    };
    expect(await shown({})).not.toContain('secret-');
    expect(await shown({ OPS_SHOW_PREVIEWS: 'false' })).toContain('OPS_SHOW_PREVIEWS is false');
    const open = await shown({ OPS_SHOW_PREVIEWS: 'true' });
    expect(open).toContain('secret-task');
    expect(open).toContain('secret-detail');
    expect(open).not.toContain('secret-body');
  });

  test('answer 503 in time while the database is slow, and hold up neither health nor metrics nor a sweep', async () => {
    await seedDelegation(database, { delegationId: 'd', silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await using ops = await startOps(database.url);
    const keeper = await database.connect();
    await keeper.query('BEGIN; LOCK TABLE delegations');
    const asked = Array.from({ length: 40 }, (_, i) => ops.get(i % 2 === 0 ? '/delegations' : '/delegations/d'));
    await waitUntilWaiting(database, 1);
    expect(await ops.get('/livez')).toMatchObject({ status: 200 });
    expect(await ops.get('/readyz')).toMatchObject({ status: 200 });
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(answers.some(({ body }) => body.includes('Too much at once'))).toBe(true);
    expect(answers.some(({ body }) => body.includes('Reload the page in a moment'))).toBe(true);
    await keeper.query('ROLLBACK');
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    expect(ops.events('ops.request_failed')).toEqual([]);
  });

  test('answer 500 to a defect, and leave it in the log', async () => {
    await using ops = await startOps(database.url);
    await seedDelegation(database, { delegationId: 'd' });
    await database.query(`ALTER TABLE delegations RENAME TO elsewhere;
      CREATE VIEW delegations AS SELECT * FROM elsewhere WHERE 1 / (length(delegation_id) - length(delegation_id)) = 1`);
    for (const [path, declared] of [
      ['/delegations', '/delegations'],
      ['/delegations/d', '/delegations/{id}'],
    ]) {
      expect(await ops.get(path!)).toMatchObject({ status: 500, body: '{"error":"internal"}\n' });
      expect(ops.events('ops.request_failed').at(-1)).toMatchObject({
        path: declared,
        err: { code: '22012', message: 'division by zero' },
      });
    }
  });

  test('answer 503 where the database is away, and where the ledger is not installed, and say what to do', async () => {
    await using away = await startOps('postgresql://nobody:s3cret@127.0.0.1:1/none');
    for (const path of ['/delegations', '/delegations/d']) {
      const { status, body } = await away.get(path);
      expect(status).toBe(503);
      expect(body).toContain('ECONNREFUSED');
      expect(body).not.toContain('s3cret');
    }
    await database.query('ALTER TABLE delegations RENAME TO elsewhere');
    await using ops = await startOps(database.url);
    expect(await ops.get('/delegations')).toMatchObject({
      status: 503,
      body: expect.stringContaining('run `delegation-sweeper migrate up`'),
    });
  });
});
