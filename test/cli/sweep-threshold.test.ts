import { describe, expect, test } from '@jest/globals';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { capturedLog, seedDelegation } from '../support/fixtures.ts';
import { type Env, runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const sweep = (args: readonly string[], env: Env = {}) =>
  runProgram(['sweep', '--json', ...args], { DATABASE_URL: database.url, LOG_LEVEL: 'silent', ...env });
const stuck = async (args: readonly string[], env: Env = {}) => {
  const { code, stdout, stderr } = await sweep(args, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout).stuck as number;
};

/** A daemon with this threshold has just left a beat. */
const daemonWith = (stuckAfterMs: number) => new Beat(database.db, capturedLog().log, stuckAfterMs).leave();
const HOUR_MS = 3_600_000;

describe('a one-shot sweep, where the daemons judge by two hours', () => {
  test('judges by two hours as well: ten agents silent for half an hour are not marked', async () => {
    await daemonWith(2 * HOUR_MS);
    for (let agent = 0; agent < 10; agent += 1) await seedDelegation(database, { silentSeconds: 1800 });
    expect(await stuck([])).toBe(0);
    expect(await stuck(['--dry-run'])).toBe(0);
  });

  test.each([[[]], [['--dry-run']], [['--force']]])(
    'is refused with a different STUCK_AFTER of its own, and names both: %j',
    async (args) => {
      await daemonWith(2 * HOUR_MS);
      const id = await seedDelegation(database, { silentSeconds: 1800 });
      const { code, stdout, stderr } = await sweep(args, { STUCK_AFTER: '15m' });
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(stderr).toContain('STUCK_AFTER is 15m');
      expect(stderr).toContain('judge by 2h');
      expect(stderr).toContain('--stuck-after 15m');
      expect(await database.query('SELECT status FROM delegations WHERE delegation_id = $1', [id])).toEqual([
        { status: 'in_progress' },
      ]);
    },
  );

  test('is not refused with the same STUCK_AFTER', async () => {
    await daemonWith(2 * HOUR_MS);
    await seedDelegation(database, { silentSeconds: 1800 });
    expect(await stuck([], { STUCK_AFTER: '120m' })).toBe(0);
  });

  test('--stuck-after overrides', async () => {
    await daemonWith(2 * HOUR_MS);
    await seedDelegation(database, { silentSeconds: 1800 });
    await seedDelegation(database, { silentSeconds: 600 });
    expect(await stuck(['--dry-run', '--stuck-after', '15m'], { STUCK_AFTER: '15m' })).toBe(1);
    expect(await stuck(['--stuck-after', '15m'])).toBe(1);
  });
});

test('where the daemons judge by less than the default, so does a one-shot sweep', async () => {
  await daemonWith(30_000);
  await database.query(`UPDATE sweeper_lowerings SET lowered_at = lowered_at - interval '1 day'`);
  await seedDelegation(database, { silentSeconds: 45 });
  expect(await stuck([])).toBe(1);
});

test('where no daemon has run, STUCK_AFTER applies', async () => {
  await seedDelegation(database, { silentSeconds: 45 });
  expect(await stuck(['--dry-run'])).toBe(0);
  expect(await stuck(['--dry-run'], { STUCK_AFTER: '30s' })).toBe(1);
});

test.each(['soon', '0s', '31d'])('--stuck-after %s is a usage error that says what is accepted', async (text) => {
  const { code, stderr } = await sweep(['--stuck-after', text]);
  expect(code).toBe(64);
  expect(stderr).toContain('from 1s to 30d');
});
