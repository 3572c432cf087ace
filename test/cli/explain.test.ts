import { describe, expect, test } from '@jest/globals';
import { visibleLines } from '../../src/log/visible.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { runProgram } from '../support/program.ts';
import { seedSpecial } from '../support/seed-special.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });
const explain = (...args: string[]) => runProgram(['explain', ...args], { DATABASE_URL: database.url });

describe('explain', () => {
  test('says why first, then what comes next, then the arithmetic, and then the timeline', async () => {
    await seedSpecial(database, {
      delegationId: 'job-1',
      silentSeconds: 750,
      stuckAfterMs: 3_600_000,
      stalledAfterMs: 7_200_000,
      progressSeconds: 800,
    });
    const { code, stdout, stderr } = await explain('job-1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('job-1  in_progress');
    expect(lines[1]).toMatch(
      /^Why: {3}in progress: last heard 12 min 3\d s ago \(it began, [-:\d ]+ UTC\), and 1 h is allowed \(its own threshold\)\.$/,
    );
    expect(lines[2]).toMatch(/^Next: {2}Nothing: nobody sweeps\. No daemon is running on this ledger/);
    const heads = ['Judged now', 'Next sweep', 'Delegation', 'Timeline'].map((head) => lines.indexOf(head));
    expect(heads).toEqual(heads.toSorted((a, b) => a - b));
    expect(heads).not.toContain(-1);
    expect(stdout).toMatch(/^ {2}silent, observed +12 min 3\d s$/m);
    expect(stdout).toMatch(/^ {2}allowed +1 h: its own$/m);
    expect(stdout).toMatch(/^ {2}stale from +\S+Z \(in 47 min \d+ s\), if nothing is heard$/m);
    expect(stdout).toMatch(/^ {2}progress +step, \S+Z \(13 min \d+ s ago\)$/m);
    expect(stdout).toMatch(/^ {2}AT +AGO +EVENT +BY$/m);
    expect(stdout).not.toContain('\x1b');
  });

  test('shows the evidence of a mark and what came late, and previews only where they are asked for', async () => {
    await seedDelegation(database, { delegationId: 'job-1', silentSeconds: 750 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await testLedger(database.db).ledger.setStatus('job-1', 'completed', { resultPreview: 'the answer' });
    const { stdout } = await explain('job-1');
    expect(stdout).toMatch(
      /^Why: {3}stuck since [-:\d ]+ UTC: it was not heard for 12 min 3\d s, and 10 min was allowed \(STUCK_AFTER\); a result \(completed\) came /m,
    );
    expect(stdout).toMatch(/^ {2}silent for +12 min 3\d s$/m);
    expect(stdout).toMatch(/^ {2}late result +completed, .* after the end, by ledger/m);
    expect(stdout).toMatch(/ stuck +in_progress +sweeper +.*rule stale/);
    expect(stdout).not.toContain('the answer');
    expect((await explain('job-1', '--previews')).stdout).toMatch(/^ {2}late result .*: the answer$/m);
    const json = JSON.parse((await explain('job-1', '--json')).stdout);
    expect(json).toMatchObject({
      delegation: { delegationId: 'job-1', previews: null },
      ending: { mark: { rule: 'stale' } },
    });
  });

  test('answers no (1) to an unknown id, and names those that are near, as commands', async () => {
    await seedDelegation(database, { delegationId: 'job 17' });
    const { code, stdout, stderr } = await explain('job 71');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^The ledger holds no delegation job 71\.$/m);
    expect(stdout).toMatch(/^ {2}delegation-sweeper explain 'job 17'$/m);
    expect(stdout).toMatch(new RegExp(`^Database: .*/${database.name}, schema public\\.$`, 'm'));
    const json = await explain('job 71', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: 'unknown_delegation',
      delegationId: 'job 71',
      near: ['job 17'],
      activity: null,
    });
    const nothing = await explain('zzzzzz');
    expect(nothing).toMatchObject({ code: 1, stdout: expect.stringContaining('What to do: check the id') });
  });

  test('shows the activity of one that is gone', async () => {
    await testLedger(database.db).ledger.setStatus('gone', 'completed', { resultPreview: 'the answer' });
    const { code, stdout } = await explain('gone');
    expect(code).toBe(1);
    expect(stdout).toContain('It was never inserted, or was deleted: updates came for it, 1 in all.');
    expect(stdout).toMatch(/ orphan_update +ledger +attempted completed$/m);
  });

  test('makes characters visible that a terminal would obey', async () => {
    const id = 'job\x1b[31m\u202e';
    await seedSpecial(database, { delegationId: id, calleeId: '\x1b]0;x\x07', waitingForSeconds: 60 });
    await database.query(
      `INSERT INTO activity_logs (delegation_id, event, actor, detail) VALUES ($1, 'delegation.adjusted', $2, $3)`,
      [id, 'evil\x1b[2J\nactor', JSON.stringify({ 'na\x1bme': 'va\x1blue' })],
    );
    const { code, stdout } = await explain(id);
    expect(code).toBe(0);
    expect(visibleLines(stdout)).toBe(stdout);
    expect(stdout).toContain('job\\x1b[31m\\u202e');
    expect(stdout).toContain('evil\\x1b[2J\\nactor');
    const near = await explain('job\x1b[31m');
    expect(visibleLines(near.stdout)).toBe(near.stdout);
  });

  test('refuses a command line without an id, or with two, and a missing database', async () => {
    expect(await explain()).toMatchObject({ code: 64, stdout: '' });
    expect(await explain('a', 'b')).toMatchObject({ code: 64, stdout: '' });
    expect(await runProgram(['explain', 'a'], { DATABASE_URL: 'postgresql://127.0.0.1:1/none' })).toMatchObject({
      code: 69,
      stdout: '',
    });
    await database.query('DROP TABLE delegation_sweeper_migrations');
    expect(await explain('a')).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining('migrate up') });
  });
});
