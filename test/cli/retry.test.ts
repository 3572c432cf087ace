import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { type Env, runProgram, startProgram } from '../support/program.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { onTerminal } from '../support/terminal.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const retry = (args: readonly string[], env: Env = {}) =>
  runProgram(['retry', ...args], { DATABASE_URL: database.url, ...env });

const count = async () =>
  (await database.query<{ n: number }>('SELECT count(*)::int AS n FROM delegations WHERE retry_of IS NOT NULL'))[0]!.n;

/** What one sweep marked: its id. */
async function swept(rows: number, options = {}): Promise<string> {
  await seedFleet(database, { rows, silentSeconds: 700 });
  return (await testSweeper(database.db, options).sweeper.sweep({ trigger: 'manual' })).sweepId;
}

describe('retry <delegation_id>...', () => {
  test('tries each again and says as what; a second run names the same, and exits 0', async () => {
    await seedDelegation(database, { delegationId: 'a', status: 'stuck' });
    await seedDelegation(database, { delegationId: 'b', status: 'failed' });
    const { code, stdout, stderr } = await retry(['a', 'b', 'a', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answer = JSON.parse(stdout);
    expect(answer).toEqual({
      dryRun: false,
      rows: ['a', 'b'].map((retryOf) => ({
        retryOf,
        outcome: 'inserted',
        delegationId: expect.any(String),
        attempt: 2,
        status: retryOf === 'a' ? 'stuck' : 'failed',
        lateResult: false,
        err: null,
      })),
      inserted: 2,
      duplicate: 0,
      refused: 0,
      missing: 0,
      failed: 0,
      interrupted: false,
    });
    const [{ delegationId }] = answer.rows;
    expect(await testLedger(database.db).ledger.history(delegationId)).toMatchObject([
      { event: 'delegation.queued', actor: 'operator' },
    ]);
    const again = await retry(['a', 'b']);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain(`a  was tried again before, as ${delegationId}, attempt 2`);
    expect(again.stdout).toMatch(/^Tried again 0; 2 were before\.$/m);
    expect(await count()).toBe(2);
  });

  test('exits 1 for what is unknown, open or completed, and does the others', async () => {
    await seedDelegation(database, { delegationId: 'dead', status: 'failed' });
    await seedDelegation(database, { delegationId: 'open' });
    await seedDelegation(database, { delegationId: 'done', status: 'completed' });
    const { code, stdout } = await retry(['nobody', 'open', 'done', 'dead']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^nobody {2}unknown: no delegation has this id$/m);
    expect(stdout).toMatch(/^open {2}refused: it is in_progress: only what failed or is stuck is tried again$/m);
    expect(stdout).toMatch(/^done {2}refused: it is completed$/m);
    expect(stdout).toMatch(/^dead {2}tried again as \S+, attempt 2$/m);
    expect(stdout).toMatch(/^Tried again 1; 2 refused; 1 unknown\.$/m);
  });

  test('does what has a late result, too, and says that there is one', async () => {
    const { ledger } = testLedger(database.db);
    await seedDelegation(database, { delegationId: 'late', status: 'stuck' });
    await ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    const { code, stdout } = await retry(['late']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^late {2}tried again as \S+, attempt 2; a result of the old one came late, look at it$/m);
  });

  test('names with --dry-run what it would do, and changes nothing', async () => {
    await seedDelegation(database, { delegationId: 'a', status: 'stuck' });
    const { code, stdout } = await retry(['a', 'nobody', '--dry-run']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^a {2}would be tried again, attempt 2$/m);
    expect(stdout).toMatch(/^Would try again 1; 1 unknown\.$/m);
    expect(await count()).toBe(0);
  });

  test('goes on after one that the database refuses, and exits 1', async () => {
    for (const id of ['a', 'b', 'c']) await seedDelegation(database, { delegationId: id, status: 'stuck' });
    await database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.retry_of = 'b' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = 'P0666'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const { code, stdout } = await retry(['a', 'b', 'c']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^b {2}failed: not this one$/m);
    expect(stdout).toMatch(/^Tried again 2; 1 failed\.$/m);
  });
});

describe('retry --sweep', () => {
  test('tries again what the sweep marked, but for what was before and what has a late result', async () => {
    const sweepId = await swept(6);
    await swept(3);
    const { ledger } = testLedger(database.db);
    const marked = (
      await database.query<{ id: string }>(
        `SELECT delegation_id AS id FROM activity_logs WHERE detail ->> 'sweepId' = $1 ORDER BY activity_id`,
        [sweepId],
      )
    ).map(({ id }) => id);
    await ledger.retry(marked[0]!);
    await ledger.setStatus(marked[1]!, 'completed', { resultPreview: 'done' });
    const { code, stdout } = await retry(['--sweep', sweepId, '--json']);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ inserted: 4, duplicate: 1, refused: 1, missing: 0 });
    expect(answer.rows.map(({ retryOf }: { retryOf: string }) => retryOf)).toEqual(marked);
    expect(answer.rows[1]).toMatchObject({ outcome: 'refused', status: 'stuck', lateResult: true });
    const again = await retry(['--sweep', sweepId]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('refused: a result came late: look at it, and name the delegation by its id');
    expect(again.stdout).toMatch(/^Tried again 0; 5 were before; 1 refused\.$/m);
  });

  test('exits 1 for a sweep of which nothing is known, and says where to find one', async () => {
    const { code, stdout } = await retry(['--sweep', 'no-such-sweep']);
    expect(code).toBe(1);
    expect(stdout).toContain('No mark of the sweep no-such-sweep is in the ledger');
    expect(JSON.parse((await retry(['--sweep', 'x', '--json'])).stdout)).toMatchObject({ rows: [], inserted: 0 });
  });

  test('above ten asks for --yes where nobody can be asked, and changes nothing', async () => {
    const sweepId = await swept(11);
    const refused = await retry(['--sweep', sweepId]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(
      'this makes more than 10 new delegations. Look at them with --dry-run, then add --yes.',
    );
    expect(await count()).toBe(0);
    const { code, stdout } = await retry(['--sweep', sweepId, '--yes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Tried again 11\.$/m);
  });
});

describe('retry --callee --since', () => {
  test('tries again what the callee left failed or stuck in that time, and nothing else', async () => {
    for (const [delegationId, status, calleeId] of [
      ['old', 'failed', 'coder'],
      ['failed', 'failed', 'coder'],
      ['stuck', 'stuck', 'coder'],
      ['done', 'completed', 'coder'],
      ['open', 'in_progress', 'coder'],
      ['other', 'failed', 'writer'],
    ] as const) {
      await seedDelegation(database, { delegationId, status, calleeId });
    }
    await database.query(`UPDATE delegations SET finished_at = now() - interval '3 hours' WHERE delegation_id = 'old'`);
    const { code, stdout } = await retry(['--callee', 'coder', '--since', '2h', '--json']);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer.rows.map(({ retryOf }: { retryOf: string }) => retryOf)).toEqual(['failed', 'stuck']);
    const none = await retry(['--callee', 'nobody', '--since', '1h']);
    expect(none.code).toBe(0);
    expect(none.stdout).toContain('Nothing of nobody failed or got stuck in the last 1 h.');
  });
});

test.each([
  ['nothing', [], 'Name the delegations, or give --sweep, or --callee with --since: one of these'],
  ['two ways at once', ['a', '--sweep', 's'], 'one of these'],
  ['a callee without a time', ['--callee', 'c'], '--callee and --since go together'],
  ['a time without a callee', ['--since', '1h'], '--callee and --since go together'],
  ['a time that is none', ['--callee', 'c', '--since', 'yesterday'], 'a duration from 1ms to 3650d'],
])('%s is a wrong usage, with what is accepted', async (_, args, said) => {
  const { code, stderr } = await retry(args);
  expect(code).toBe(64);
  expect(stderr).toContain(said);
});

describe('on a terminal', () => {
  const retryOnTerminal = (typed: string, args: readonly string[]) =>
    onTerminal(typed, ['retry', ...args], { DATABASE_URL: database.url });

  test('above ten it asks, and does it after a yes', async () => {
    const sweepId = await swept(12);
    const { code, shown } = await retryOnTerminal('y\\r', ['--sweep', sweepId]);
    expect(shown).toContain('This makes 12 new delegations. Go on? [y/N]');
    expect(shown).toContain('Tried again 12.');
    expect(code).toBe(0);
    expect(await count()).toBe(12);
  });

  test.each([
    ['a no', 'n\\r', 1],
    ['the end of the input', '\\x04', 1],
    ['Ctrl-C', '\\x03', 130],
    ['SIGTERM', 'SIGTERM', 130],
  ])('%s changes nothing', async (_, typed, expected) => {
    const sweepId = await swept(12);
    const { code, shown } = await retryOnTerminal(typed, ['--sweep', sweepId]);
    expect(shown).toContain('Nothing was changed. Run it again with --dry-run');
    expect(code).toBe(expected);
    expect(await count()).toBe(0);
  });

  test('ten are not asked for', async () => {
    const sweepId = await swept(10);
    expect((await retryOnTerminal('n\\r', ['--sweep', sweepId])).code).toBe(0);
    expect(await count()).toBe(10);
  });
});

test('Ctrl-C ends it at once before there is anything to change', async () => {
  const sweepId = await swept(12);
  const keeper = await database.connect();
  await keeper.query('BEGIN; LOCK TABLE delegations');
  await using program = startProgram(['retry', '--sweep', sweepId], { DATABASE_URL: database.url });
  await waitFor('it to wait for the table', async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE application_name = 'delegation-sweeper retry' AND wait_event_type = 'Lock'`;
    return (await database.query(waiting)).length > 0;
  });
  program.kill('SIGINT');
  expect(await program.exit).toMatchObject({ signal: 'SIGINT' });
  await keeper.query('ROLLBACK');
  expect(await count()).toBe(0);
});

test('Ctrl-C ends it between two batches, and it says what was done; a second run does the rest', async () => {
  const sweepId = await swept(3000);
  // The second batch waits for a row.
  const keeper = await database.connect();
  await keeper.query('BEGIN');
  const [row] = await database.query<{ id: string }>(
    `SELECT delegation_id AS id FROM activity_logs WHERE detail ->> 'sweepId' = $1 ORDER BY activity_id OFFSET 700 LIMIT 1`,
    [sweepId],
  );
  await keeper.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [row!.id]);
  await using program = startProgram(['retry', '--sweep', sweepId, '--yes'], { DATABASE_URL: database.url });
  await waitFor('the second batch to wait', async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE application_name = 'delegation-sweeper retry' AND wait_event_type = 'Lock'`;
    return (await database.query(waiting)).length > 0;
  });
  program.kill('SIGINT');
  // It goes on waiting for its batch, which is then whole.
  await keeper.query('COMMIT');
  expect((await program.exit).code).toBe(130);
  expect(await count()).toBe(1000);
  expect(program.stdoutLines.slice(-2)).toEqual([
    'Tried again 1,000.',
    'Interrupted: the rest was left. Run it again: what was tried again is not tried twice.',
  ]);
  const { code, stdout } = await retry(['--sweep', sweepId, '--yes']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Tried again 2,000; 1,000 were before\.$/m);
  expect(await count()).toBe(3000);
});
