import { describe, expect, test } from '@jest/globals';
import { OperatorHolds } from '../../../src/sweeper/hold/operator-holds.ts';
import type { SweeperTables } from '../../../src/sweeper/tables.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { gatedTables, instants, mark } from '../../support/mark.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { countByStatus, seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const request = { forMs: 3_600_000, reason: 'a rollout', by: 'ana' };
const hold = () => new OperatorHolds(database.db).hold(request);
const open = () => database.query('SELECT FROM sweeper_holds WHERE ended_at IS NULL');

describe('a hold that begins in the middle of a sweep', () => {
  const ROWS = 100;
  const BATCH = 10;
  /** Two batches run at once. */
  const IN_FLIGHT = 2 * BATCH;

  /** Marks in batches; the hold is committed while the first of them run. Returns how many rows were marked. */
  async function markedIn(tables: Partial<SweeperTables>): Promise<number> {
    for (let i = 0; i < ROWS; i += 1) await seedDelegation(database, { silentSeconds: 700 });
    const gated = await gatedTables(database);
    const opened = await gated.hold();
    const marking = mark(database.db, 'stale', {
      ...(await instants(database)),
      tables: { ...gated.tables, ...tables },
      batchRowsMax: BATCH,
    });
    await waitUntilWaiting(database, 2);
    await hold();
    await opened();
    return (await marking).length;
  }

  test('goes unnoticed by a sweep that looks for one when it begins: the naive form marks all', async () => {
    // To these batches there are no holds.
    await database.query('CREATE VIEW no_holds AS SELECT * FROM sweeper_holds WHERE false');
    expect(await markedIn({ holds: '"no_holds"' })).toBe(ROWS);
  });

  test('keeps every batch that begins after it from marking', async () => {
    expect(await markedIn({})).toBe(IN_FLIGHT);
    expect(await countByStatus(database)).toEqual({ in_progress: ROWS - IN_FLIGHT, stuck: IN_FLIGHT });
  });

  test('ends the sweeps of two replicas at their next batch; neither is cut short, and what is left remains', async () => {
    await seedFleet(database, { rows: 4_000, silentSeconds: 700 });
    const replicas = [
      testSweeper(database.db, { batchRowsMax: BATCH }),
      testSweeper(database.db, { batchRowsMax: BATCH }),
    ];
    const sweeps = replicas.map(({ sweeper }) => sweeper.sweep({ trigger: 'manual' }));
    const marked = async () => (await countByStatus(database)).stuck ?? 0;
    await waitFor('the first batches', async () => (await marked()) >= 5 * BATCH);
    await hold();
    const before = await marked();
    const summaries = await Promise.all(sweeps);
    expect(await marked()).toBeLessThanOrEqual(before + replicas.length * IN_FLIGHT);
    // The other one lost the lease to it.
    const held = summaries.filter((summary) => summary.held);
    expect(held).toMatchObject([{ heldBy: 'operator', truncated: false, remaining: 4_000 - (await marked()) }]);
    expect(replicas.flatMap(({ events }) => events('sweep.held'))).toMatchObject([
      { by: 'operator', reason: 'a rollout' },
    ]);
  });

  test('keeps a suspect from being marked whose agent was asked before and did not answer', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    await mapTask(database, id);
    const probe = new ScriptedProbe(async () => {
      await hold();
      return { outcome: 'no_answer', reason: 'timeout' };
    });
    const { sweeper } = testSweeper(database.db, { probe: probe.options() });
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({
      stuck: 0,
      held: true,
      remaining: 1,
      truncated: false,
    });
    expect(probe.asked).toEqual([id]);
  });

  test('keeps agents from being asked after it', async () => {
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    await mapTask(database, silent);
    // The overdue rule has its turn before, and waits.
    const overdue = await seedDelegation(database, { deadlineSeconds: -5 });
    const gate = await database.connect();
    await database.query(`CREATE FUNCTION wait_for_gate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(4243); RETURN NEW; END $$`);
    await database.query(`CREATE TRIGGER gate BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (NEW.status = 'failed') EXECUTE FUNCTION wait_for_gate()`);
    await gate.query('SELECT pg_advisory_lock(4243)');
    const probe = new ScriptedProbe(() => ({ outcome: 'no_answer', reason: 'timeout' }));
    const { sweeper } = testSweeper(database.db, { probe: probe.options() });
    const sweep = sweeper.sweep({ trigger: 'cron' });
    await waitUntilWaiting(database, 1);
    await hold();
    await gate.end();
    expect(await sweep).toMatchObject({ stuck: 0, failed: 1, held: true });
    expect(probe.asked).toEqual([]);
    expect(
      await database.query('SELECT FROM delegations WHERE delegation_id = $1 AND finished_at IS NULL', [overdue]),
    ).toEqual([]);
  });
});

describe('two operators at once', () => {
  test('who look and then write get an error of the database: the naive form', async () => {
    const sessions = [await database.connect(), await database.connect()] as const;
    for (const session of sessions) {
      await session.query('BEGIN');
      await session.query(
        'UPDATE sweeper_holds SET ended_at = clock_timestamp(), ended_why = $1 WHERE ended_at IS NULL',
        ['replaced'],
      );
    }
    const insert = `INSERT INTO sweeper_holds (held_since, held_until, reason, made_by)
      VALUES (statement_timestamp(), statement_timestamp() + interval '1 hour', 'why', 'who')`;
    await sessions[0].query(insert);
    const second = sessions[1].query(insert);
    await waitUntilWaiting(database, 1);
    await sessions[0].query('COMMIT');
    await expect(second).rejects.toMatchObject({ code: '23505' });
    await Promise.all(sessions.map((session) => session.end()));
  });

  test('come one after the other: one of their holds is in force, and each of the others was replaced', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, hold));
    expect(results.filter(({ replaced }) => replaced === null)).toHaveLength(1);
    expect(await open()).toHaveLength(1);
    const ended = await database.query<{ why: string }>(
      'SELECT ended_why AS why FROM sweeper_holds WHERE ended_at IS NOT NULL',
    );
    expect(ended.map(({ why }) => why)).toEqual(Array(7).fill('replaced'));
  });

  test('release a hold once', async () => {
    await hold();
    const released = await Promise.all(Array.from({ length: 6 }, () => new OperatorHolds(database.db).release('bob')));
    expect(released.filter((ended) => ended !== null)).toHaveLength(1);
    expect(await open()).toEqual([]);
  });

  test('hold and release in some order: what is open then is what the last of them left', async () => {
    for (let round = 0; round < 10; round += 1) {
      const holds = new OperatorHolds(database.db);
      const reason = `round ${round}`;
      const [, released] = await Promise.all([holds.hold({ ...request, reason }), holds.release('bob')]);
      expect(await open()).toHaveLength(released?.reason === reason ? 0 : 1);
    }
  });
});
