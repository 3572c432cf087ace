import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });
const status = (...args: string[]) => runProgram(['status', ...args], { DATABASE_URL: database.url });

describe('status', () => {
  test('gives the false-positive rate, what is open and whether it sweeps, as one JSON object', async () => {
    await seedDelegation(database, { delegationId: 'late', silentSeconds: 700 });
    await seedDelegation(database, { silentSeconds: 800 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await testLedger(database.db).ledger.setStatus('late', 'completed');
    await seedDelegation(database, { silentSeconds: 100 });
    const { code, stdout, stderr } = await status('--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      sweeping: true,
      storm: { state: 'calm', until: null },
      hold: null,
      operatorHolds: [],
      lastSweep: { trigger: 'manual', stuck: 2 },
      day: { sweeps: 1, stuck: 2, failed: 0, lateResults: 1, falsePositiveRatio: 0.5, unobservedMs: 0 },
      open: { byStatus: { queued: 0, dispatched: 0, in_progress: 1 }, capped: false },
      stuckAfterMs: 600_000,
    });
  });

  test('gives the same in words', async () => {
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -10 });
    const { code, stdout } = await status();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^sweeping +yes$/m);
    expect(stdout).toMatch(/^storm +none$/m);
    expect(stdout).toMatch(/^operator hold +none$/m);
    expect(stdout).toMatch(/^open +1 queued, 0 dispatched, 0 in_progress$/m);
    expect(stdout).toMatch(/^most overdue +1\d s$/m);
    expect(stdout).toMatch(new RegExp(`^database +.*/${database.name}, schema public$`, 'm'));
    expect(stdout).toMatch(/^false positives +none was marked stuck$/m);
  });

  test('answers no (1) when no daemon sweeps, and says until when a storm is held', async () => {
    await database.query(`UPDATE sweeper_state SET storm_held_since = '2026-07-28T12:00:00Z'`);
    expect(await status('--json')).toMatchObject({
      code: 1,
      stderr: '',
      stdout: expect.stringMatching(/^{"sweeping":false,/),
    });
    const { code, stdout } = await status();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^sweeping +no: /m);
    expect(stdout).toMatch(/^storm +held until 2026-07-28T12:30:00.000Z: nothing is marked stuck$/m);
  });

  test('an outdated schema is a configuration error that names the remedy', async () => {
    await database.query('DROP TABLE delegation_sweeper_migrations');
    expect(await status()).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining('migrate up') });
  });
});
