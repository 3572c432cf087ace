import { describe, expect, test } from '@jest/globals';
import { type PastRow, seedPast } from '../housekeeping/retention/retained.ts';
import { type Env, runProgram, startProgram } from '../support/program.ts';
import { onTerminal } from '../support/terminal.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const month = { RETENTION_DELEGATIONS: '30d' };
const prune = (args: readonly string[], env: Env = month) =>
  runProgram(['prune', ...args], { DATABASE_URL: database.url, LOG_LEVEL: 'warn', ...env });
const count = async () => (await database.query<{ n: number }>('SELECT count(*)::int AS n FROM delegations'))[0]!.n;
const rows: readonly PastRow[] = [
  { id: 'a', status: 'completed', created: 40 },
  { id: 'b', status: 'stuck', created: 40, waits: [39] },
  { id: 'young', status: 'failed', created: 2 },
];

test('a dry run counts what a prune removes, and removes nothing; a second prune finds nothing', async () => {
  await seedPast(database, rows);
  const dry = await prune(['--dry-run', '--json']);
  expect({ code: dry.code, stderr: dry.stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(dry.stdout)).toMatchObject({ dryRun: true, delegations: 2, activity: 5, interrupted: false });
  expect((await prune(['--dry-run'])).stdout).toMatch(
    /^Would remove 2 delegations and 5 rows of activity \(what ended before \S+Z\)\.$/m,
  );
  expect(await count()).toBe(3);
  expect(JSON.parse((await prune(['--yes', '--json'])).stdout)).toMatchObject({
    dryRun: false,
    delegations: 2,
    activity: 5,
  });
  expect((await prune(['--yes'])).stdout).toMatch(/^Nothing was due: what ended before \S+Z\.$/m);
  expect(await count()).toBe(1);
});

test('without --yes, and without a terminal, nothing is removed (1)', async () => {
  await seedPast(database, rows);
  const { code, stderr } = await prune([]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('then add --yes') });
  expect(await count()).toBe(3);
});

test('without a retention it says what to set (78); a retention of minutes is taken for a mistake', async () => {
  const { code, stderr } = await prune(['--yes'], {});
  expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining('RETENTION_DELEGATIONS=90d') });
  const short = await prune(['--yes'], { RETENTION_ACTIVITY: '6m' });
  expect(short.code).toBe(78);
  expect(short.stderr).toContain(
    'RETENTION_ACTIVITY="6m": less than 1h; accepted: off, or a duration from 1h to 3650d',
  );
});

test('where the database refuses a row it names it, removes the others, and exits 1', async () => {
  await seedPast(database, rows);
  await database.query(`CREATE TABLE mine (delegation_id text COLLATE "C" REFERENCES delegations);
    INSERT INTO mine VALUES ('a')`);
  const { code, stdout } = await prune(['--yes']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^Removed 1 delegation and 3 rows of activity/m);
  expect(stdout).toMatch(/^The database refused 1, the first of them a: .*foreign key constraint/m);
});

describe('on a terminal', () => {
  test.each([
    ['a yes removes it', 'y\\r', 0, 1],
    ['a no does not', 'n\\r', 1, 3],
    ['nor does Ctrl-C', '\\x03', 130, 3],
  ])('it says how much, and asks: %s', async (_, typed, expected, kept) => {
    await seedPast(database, rows);
    const { code, shown } = await onTerminal(typed, ['prune'], { DATABASE_URL: database.url, ...month });
    expect(shown).toContain('This removes 2 delegations and 5 rows of activity');
    expect(code).toBe(expected);
    expect(await count()).toBe(kept);
  });
});

test('Ctrl-C ends it between two batches, and it says what was done', async () => {
  const ROWS = 300;
  await seedPast(
    database,
    Array.from({ length: ROWS }, (_, i) => ({ id: `d-${i}`, status: 'completed', created: 40 }) as const),
  );
  await database.query(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN OLD; END $$;
    CREATE TRIGGER slow BEFORE DELETE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()`);
  await using program = startProgram(['prune', '--yes'], { DATABASE_URL: database.url, ...month });
  await waitFor('the first batch', async () => (await count()) < ROWS);
  program.kill('SIGINT');
  expect((await program.exit).code).toBe(130);
  const kept = await count();
  expect(kept).toBeGreaterThan(0);
  expect(program.stdoutLines[0]).toMatch(new RegExp(`^Removed ${ROWS - kept} delegations`));
  expect(program.stdoutLines[1]).toBe('It was ended early, and the rest was left: run it again, and it goes on.');
});
