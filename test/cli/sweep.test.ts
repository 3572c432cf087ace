import { describe, expect, test } from '@jest/globals';
import { eventsOf } from '../support/catalogued.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { type Env, runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const sweep = (args: readonly string[], env: Env = {}) =>
  runProgram(['sweep', ...args], { DATABASE_URL: database.url, ...env });
const log = (stderr: string) => stderr.split('\n').filter((line) => line !== '');

const number = expect.any(Number);
const nothingDone = {
  sweepId: expect.any(String),
  stuck: 0,
  failed: 0,
  retried: 0,
  poisoned: 0,
  remaining: 0,
  truncated: false,
  held: false,
  heldBy: null,
  batches: 0,
  durationMs: number,
  unobservedMs: 0,
  dryRun: false,
  rows: [],
};

async function statuses(): Promise<Record<string, string>> {
  const rows = await database.query<{ id: string; status: string }>(
    'SELECT delegation_id AS id, status FROM delegations ORDER BY 1',
  );
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
}

async function seed(): Promise<void> {
  await seedDelegation(database, { delegationId: 'a-stale', silentSeconds: 700 });
  await seedDelegation(database, { delegationId: 'b-alive', silentSeconds: 10 });
  await seedDelegation(database, { delegationId: 'c-overdue', status: 'queued', deadlineSeconds: -5 });
  await seedDelegation(database, { delegationId: 'd-both', silentSeconds: 700, deadlineSeconds: -5 });
}

/** 30 of 40 agents silent at once: what the storm guard holds. */
async function seedStorm(): Promise<void> {
  for (let i = 0; i < 40; i += 1) {
    await seedDelegation(database, { calleeId: `callee-${i % 4}`, silentSeconds: i < 30 ? 700 : 0 });
  }
}

describe('sweep --json', () => {
  test('prints one object of exactly the documented shape, and logs only to stderr', async () => {
    await seed();
    const { code, stdout, stderr } = await sweep(['--json']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toEqual({ ...nothingDone, stuck: 1, failed: 2, batches: 2 });
    expect(eventsOf(log(stderr), 'delegation.stuck').map(({ delegationId }) => delegationId)).toEqual(['a-stale']);
    expect(eventsOf(log(stderr), 'delegation.deadline_exceeded')).toHaveLength(2);
    expect(eventsOf(log(stderr), 'sweep.completed')).toMatchObject([{ trigger: 'manual', stuck: 1, failed: 2 }]);
    expect(await statuses()).toEqual({
      'a-stale': 'stuck',
      'b-alive': 'in_progress',
      'c-overdue': 'failed',
      'd-both': 'failed',
    });
  });

  test('prints the same shape when there is nothing to do', async () => {
    expect(JSON.parse((await sweep(['--json'])).stdout)).toEqual(nothingDone);
  });
});

test('sweep alone prints a sentence', async () => {
  await seed();
  const { code, stdout } = await sweep([]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Marked 1 stuck and 2 failed, in 2 batches and \d+ ms; 0 remain\.$/);
});

describe('sweep --dry-run', () => {
  test('names every row that it would change, with the reason, and changes nothing', async () => {
    await seed();
    const before = await database.query('SELECT * FROM delegations ORDER BY 1');
    const state = await database.query('SELECT * FROM sweeper_state');
    const { code, stdout, stderr } = await sweep(['--dry-run', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const summary = JSON.parse(stdout);
    expect(summary).toEqual({
      ...nothingDone,
      stuck: 1,
      failed: 2,
      batches: 2,
      dryRun: true,
      rows: expect.any(Array),
    });
    expect(
      summary.rows.toSorted((a: { delegationId: string }, b: { delegationId: string }) =>
        a.delegationId.localeCompare(b.delegationId),
      ),
    ).toEqual([
      { delegationId: 'a-stale', rule: 'stale', silentMs: number },
      { delegationId: 'c-overdue', rule: 'overdue', overdueMs: number },
      { delegationId: 'd-both', rule: 'overdue', overdueMs: number },
    ]);
    expect(summary.rows.find(({ rule }: { rule: string }) => rule === 'stale').silentMs).toBeGreaterThanOrEqual(
      700_000,
    );
    expect(await database.query('SELECT * FROM delegations ORDER BY 1')).toEqual(before);
    expect(await database.query('SELECT * FROM sweeper_state')).toEqual(state);
  });

  test('in words', async () => {
    await seed();
    const { stdout } = await sweep(['--dry-run']);
    expect(stdout).toMatch(/^a-stale {2}stuck: silent for 1\d min( \d+ s)?$/m);
    expect(stdout).toMatch(/^c-overdue {2}failed: deadline exceeded by \d+ s$/m);
    expect(stdout).toMatch(/^Would mark 1 stuck and 2 failed, .*; 0 remain\.$/m);
  });
});

describe('a storm', () => {
  test('is held, which the answer shows', async () => {
    await seedStorm();
    const { stdout, stderr } = await sweep(['--json']);
    expect(JSON.parse(stdout)).toMatchObject({ stuck: 0, held: true, truncated: false, remaining: 30 });
    expect(eventsOf(log(stderr), 'sweep.held')).toMatchObject([{ stale: 30, inFlight: 40, ratio: 0.75 }]);
    expect((await sweep([])).stdout).toContain('--force ignores it for one sweep');
  });

  test('--force overrides the hold for that sweep', async () => {
    await seedStorm();
    expect(JSON.parse((await sweep(['--force', '--dry-run', '--json'])).stdout)).toMatchObject({
      stuck: 30,
      held: false,
    });
    expect(JSON.parse((await sweep(['--force', '--json'])).stdout)).toMatchObject({
      stuck: 30,
      held: false,
      remaining: 0,
    });
  });
});

test('LOG_LEVEL affects the log, not the answer', async () => {
  await seed();
  const { stdout, stderr } = await sweep(['--json'], { LOG_LEVEL: 'error' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({ stuck: 1, failed: 2 });
});
