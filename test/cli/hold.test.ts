import { userInfo } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { eventsOf } from '../support/catalogued.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const run = (...args: string[]) => runProgram(args, { DATABASE_URL: database.url });
const hold = (...args: string[]) => run('hold', '--for', '1h', '--reason', 'network maintenance', ...args);
const lines = (stderr: string) => stderr.split('\n').filter((line) => line !== '');

describe('hold', () => {
  test('holds for as long as it says, and prints one JSON object', async () => {
    const { code, stdout, stderr } = await hold('--by', 'ana', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answer = JSON.parse(stdout);
    expect(answer).toEqual({
      outcome: 'held',
      hold: {
        since: expect.any(String),
        until: expect.any(String),
        reason: 'network maintenance',
        madeAt: answer.hold.since,
        madeBy: 'ana',
        madeRole: 'postgres',
        endedAt: null,
        endedWhy: null,
        endedBy: null,
        endedRole: null,
      },
      replaced: null,
    });
    expect(Date.parse(answer.hold.until) - Date.parse(answer.hold.since)).toBe(3_600_000);
  });

  test('says in words until when, by whom and why, and what it replaces', async () => {
    await hold('--by', 'ana');
    const { code, stdout } = await run('hold', '--for', '30m', '--reason', 'it takes\nlonger');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^Held until \\S+Z, for 30 min, by ${userInfo().username}: it takes\\\\nlonger\nIt replaces the hold by ana until \\S+Z: network maintenance\n`,
      ),
    );
    expect(stdout).toContain('delegation-sweeper release');
  });

  test('is obeyed by a one-shot sweep, whose log and words say so, and is ignored by --force', async () => {
    await seedDelegation(database, { delegationId: 'silent', silentSeconds: 700 });
    await hold('--by', 'ana');
    const { stdout, stderr } = await run('sweep');
    expect(stdout).toMatch(
      /^Marked 0 stuck and 0 failed, .*; 1 remain\.\nAn operator holds the rules stale and stalled/,
    );
    expect(eventsOf(lines(stderr), 'sweep.held')).toMatchObject([
      { by: 'operator', reason: 'network maintenance', stale: 1 },
    ]);
    expect(JSON.parse((await run('sweep', '--dry-run', '--json')).stdout)).toMatchObject({
      held: true,
      heldBy: 'operator',
      rows: [],
    });
    const forced = await run('sweep', '--force', '--json');
    expect(JSON.parse(forced.stdout)).toMatchObject({ stuck: 1, held: false });
    expect(eventsOf(lines(forced.stderr), 'sweep.released')).toMatchObject([{ why: 'forced', by: 'operator' }]);
  });

  test('is seen in status', async () => {
    await hold('--by', 'ana');
    expect((await run('status')).stdout).toMatch(
      /^operator hold +held until \S+Z, by ana for .*: network maintenance$/m,
    );
    expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({
      hold: { by: 'operator', reason: 'network maintenance', madeBy: 'ana' },
      operatorHolds: [{ madeBy: 'ana', endedAt: null }],
    });
  });

  test.each([
    [['--reason', 'why'], "required option '--for <duration>' not specified"],
    [['--for', '1h'], "required option '--reason <text>' not specified"],
    [['--for', '500ms', '--reason', 'why'], 'less than 1s; accepted: a duration from 1s to 7d'],
    [['--for', '8d', '--reason', 'why'], 'more than 7d; accepted: a duration from 1s to 7d'],
    [['--for', 'soon', '--reason', 'why'], 'accepted: a duration from 1s to 7d'],
    [['--for', '1h', '--reason', ' '], 'must have 1 to 200 characters, not 0'],
    [['--for', '1h', '--reason', 'x'.repeat(201)], 'must have 1 to 200 characters, not 201'],
    [['--for', '1h', '--reason', 'why', '--by', ''], 'must have 1 to 200 characters, not 0'],
  ])('%j exits 64 and says what is accepted', async (args, says) => {
    const { code, stdout, stderr } = await run('hold', ...args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(says);
    expect(await database.query('SELECT FROM sweeper_holds')).toEqual([]);
  });
});

describe('release', () => {
  test('ends the hold and names it', async () => {
    await hold('--by', 'ana');
    const { code, stdout } = await run('release');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Released after .*: the hold by ana: network maintenance$/m);
    expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({
      hold: null,
      operatorHolds: [{ madeBy: 'ana', endedWhy: 'operator', endedBy: userInfo().username, endedRole: 'postgres' }],
    });
  });

  test('answers no (1) where no operator holds', async () => {
    expect(await run('release')).toMatchObject({
      code: 1,
      stderr: '',
      stdout: expect.stringMatching(/^No operator holds/),
    });
    expect(await run('release', '--json')).toEqual({
      code: 1,
      stderr: '',
      stdout: '{"outcome":"not_held","hold":null}',
    });
  });
});
