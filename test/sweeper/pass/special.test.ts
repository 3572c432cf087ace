import { describe, expect, test } from '@jest/globals';
import { testLedger, testSweeper } from '../../support/fixtures.ts';
import { type SpecialShape, seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;
const seed = (shape: SpecialShape) => seedSpecial(database, shape);

/** What the dry run names, and then what a sweep does: both have to be the same. */
async function swept(options: Parameters<typeof testSweeper>[1] = {}) {
  const { sweeper, events } = testSweeper(database.db, options);
  const { rows } = await sweeper.dryRun();
  const planned = rows.map(({ delegationId, rule }) => `${rule} ${delegationId}`).toSorted();
  const summary = await sweeper.sweep(manual);
  const found = await database.query<{ marked: string }>(
    `SELECT (detail ->> 'rule') || ' ' || delegation_id AS marked FROM activity_logs
     WHERE detail ->> 'sweepId' = $1 ORDER BY 1`,
    [summary.sweepId],
  );
  const marked = found.map((row) => row.marked);
  expect(planned).toEqual(marked);
  return { summary, marked, events };
}

describe('a threshold of its own', () => {
  test('is what a row is judged by: shorter or longer than the daemons’', async () => {
    await seed({ delegationId: 'short-dead', stuckAfterMs: 60_000, silentSeconds: 61 });
    await seed({ delegationId: 'short-alive', stuckAfterMs: 60_000, silentSeconds: 10 });
    await seed({ delegationId: 'long-dead', stuckAfterMs: 3_600_000, silentSeconds: 3_700 });
    await seed({ delegationId: 'long-alive', stuckAfterMs: 3_600_000, silentSeconds: 900 });
    const { marked, events } = await swept();
    expect(marked).toEqual(['stale long-dead', 'stale short-dead']);
    expect(events('delegation.stuck')).toMatchObject(
      [
        { delegationId: 'short-dead', stuckAfterMs: 60_000, silentMs: expect.any(Number), toStatus: 'stuck' },
        { delegationId: 'long-dead', stuckAfterMs: 3_600_000 },
      ].toSorted((a, b) => (a.delegationId < b.delegationId ? -1 : 1)),
    );
    expect(
      await database.query(
        `SELECT delegation_id, error_detail, revision FROM delegations WHERE status = 'stuck' ORDER BY 1`,
      ),
    ).toEqual([
      { delegation_id: 'long-dead', error_detail: expect.stringMatching(/^no heartbeat for 370\ds$/), revision: 2 },
      { delegation_id: 'short-dead', error_detail: expect.stringMatching(/^no heartbeat for \d\ds$/), revision: 2 },
    ]);
    expect(
      await database.query(
        `SELECT detail -> 'stuckAfterMs' AS ms FROM activity_logs WHERE to_status = 'stuck' ORDER BY 1`,
      ),
    ).toEqual([{ ms: 60_000 }, { ms: 3_600_000 }]);
  });

  test('does not count unobserved time as silence, however long ago the gap was', async () => {
    await seed({ delegationId: 'a-covered', stuckAfterMs: 60_000, silentSeconds: 3_000 });
    await seed({ delegationId: 'b-dead', stuckAfterMs: 60_000, silentSeconds: 3_200 });
    await seed({ delegationId: 'c-inside', stuckAfterMs: 60_000, silentSeconds: 1_000 });
    await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end, kind)
      VALUES (clock_timestamp() - interval '2990 s', clock_timestamp() - interval '40 s', 'unwatched')`);
    expect((await swept()).marked).toEqual(['stale b-dead']);
  });

  test('starts anew for every row when the database went back in time', async () => {
    await seed({ delegationId: 'a-alive', stuckAfterMs: 60_000, silentSeconds: 3_000 });
    await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end, kind)
      VALUES (clock_timestamp() - interval '100 s', clock_timestamp() - interval '50 s', 'rewound')`);
    expect((await swept()).marked).toEqual([]);
    await database.query(`UPDATE sweeper_gaps SET gap_end = gap_end - interval '20 s'`);
    expect((await swept()).marked).toEqual(['stale a-alive']);
  });

  test('that was lowered does not shrink under an agent that was not heard since', async () => {
    for (const id of ['unaware', 'aware']) await seed({ delegationId: id, stuckAfterMs: 600_000, silentSeconds: 60 });
    await database.query(`UPDATE delegations SET stuck_after_ms = 5000`);
    expect((await swept()).marked).toEqual([]);
    // Heard after the lowering, and then silent.
    await database.query(`UPDATE delegations SET lowered_at = last_heartbeat - interval '1 s',
      suspect_at = last_heartbeat + interval '5 s' WHERE delegation_id = 'aware'`);
    expect((await swept()).marked).toEqual(['stale aware']);
  });

  test('has no say where a row has passed its deadline', async () => {
    await seed({
      delegationId: 'late',
      stuckAfterMs: 5_000,
      stalledAfterMs: 5_000,
      silentSeconds: 60,
      deadlineSeconds: -1,
    });
    expect((await swept()).marked).toEqual(['overdue late']);
  });
});

describe('a row that waits', () => {
  test('whose wait ended by a jump of the clock has its whole threshold from the end of the jump on', async () => {
    await seed({ delegationId: 'own', stuckAfterMs: 60_000, silentSeconds: 4_000, waitingForSeconds: -1_800 });
    await seed({
      delegationId: 'mute',
      stalledAfterMs: 60_000,
      silentSeconds: 1,
      waitingForSeconds: -1_800,
      enteredSeconds: 4_000,
    });
    await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end, kind)
      VALUES (clock_timestamp() - interval '1 hour', clock_timestamp() - interval '30 s', 'clock_jump')`);
    expect((await swept()).marked).toEqual([]);
    await database.query(`UPDATE sweeper_gaps SET gap_end = gap_end - interval '40 s'`);
    expect((await swept()).marked).toEqual(['stale own', 'stalled mute']);
  });

  test('is left alone, however silent, until its wait has passed for as long as its threshold', async () => {
    await seed({ delegationId: 'waits', silentSeconds: 90_000, waitingForSeconds: 1 });
    await seed({
      delegationId: 'waits-own',
      stuckAfterMs: 5_000,
      stalledAfterMs: 5_000,
      silentSeconds: 900,
      waitingForSeconds: 60,
    });
    await seed({ delegationId: 'just-passed', silentSeconds: 90_000, waitingForSeconds: -300 });
    await seed({ delegationId: 'own-passed', stuckAfterMs: 5_000, silentSeconds: 900, waitingForSeconds: -6 });
    await seed({ delegationId: 'long-passed', silentSeconds: 90_000, waitingForSeconds: -700 });
    const { marked, events } = await swept();
    expect(marked).toEqual(['stale long-passed', 'stale own-passed']);
    // Silence counts from the end of the wait.
    const silences = new Map(events('delegation.stuck').map((event) => [event.delegationId, event.silentMs]));
    expect(Math.floor(Number(silences.get('long-passed')) / 10_000)).toBe(70);
    expect(
      await database.query(`SELECT count(*)::int AS n FROM delegations
        WHERE status = 'stuck' AND num_nonnulls(waiting_since, waiting_until, waiting_reason, suspect_at) > 0`),
    ).toEqual([{ n: 0 }]);
  });

  test('and that has no threshold of its own is judged by a longer one of before, until it is heard', async () => {
    await seed({ delegationId: 'unaware', silentSeconds: 900, waitingForSeconds: -300 });
    await database.query(`INSERT INTO sweeper_lowerings (lowered_at, stuck_after_ms)
      VALUES (clock_timestamp() - interval '600 s', 1800000)`);
    expect((await swept({ stuckAfterMs: 60_000 })).marked).toEqual([]);
    await database.query('DELETE FROM sweeper_lowerings');
    await database.query(`UPDATE delegations SET suspect_at = waiting_until + interval '60 s'`);
    expect((await swept({ stuckAfterMs: 60_000 })).marked).toEqual(['stale unaware']);
  });
});

describe('a row without progress', () => {
  test('is stuck when it has been so for longer than its own limit, although it is heard', async () => {
    await seed({ delegationId: 'stalled', stalledAfterMs: 60_000, enteredSeconds: 900, progressSeconds: 90 });
    await seed({ delegationId: 'never', stalledAfterMs: 60_000, enteredSeconds: 90 });
    await seed({ delegationId: 'moves', stalledAfterMs: 60_000, enteredSeconds: 900, progressSeconds: 30 });
    await seed({ delegationId: 'entered', stalledAfterMs: 60_000, enteredSeconds: 30 });
    await seed({
      delegationId: 'waited',
      stalledAfterMs: 60_000,
      enteredSeconds: 900,
      progressSeconds: 900,
      waitingForSeconds: -30,
    });
    await seed({ delegationId: 'no-limit', stuckAfterMs: 3_600_000, enteredSeconds: 9_000, progressSeconds: 9_000 });
    const { marked, summary, events } = await swept();
    expect(marked).toEqual(['stalled never', 'stalled stalled']);
    expect(summary).toMatchObject({ stuck: 2, failed: 0, remaining: 0, truncated: false });
    expect(events('delegation.stuck')).toEqual([]);
    const stalled = events('delegation.stalled').find(({ delegationId }) => delegationId === 'stalled');
    expect(stalled).toMatchObject({
      sweepId: summary.sweepId,
      callerId: 'caller',
      calleeId: 'callee',
      fromStatus: 'in_progress',
      toStatus: 'stuck',
      lastHeartbeat: expect.any(String),
      stuckAfterMs: 600_000,
      deadline: expect.any(String),
      progressAt: expect.any(String),
      progress: 'step',
      stalledAfterMs: 60_000,
    });
    expect(Math.floor(Number(stalled!.silentMs) / 10_000)).toBe(9);
    expect(events('delegation.stalled')).toContainEqual(
      expect.objectContaining({ delegationId: 'never', progress: null, progressAt: null }),
    );
    expect((await testLedger(database.db).ledger.get('stalled'))?.errorDetail).toMatch(/^no progress for 9\ds$/);
  });

  test('is stale, and not stalled, when it is silent for too long as well', async () => {
    await seed({ delegationId: 'both', stuckAfterMs: 5_000, stalledAfterMs: 5_000, silentSeconds: 60 });
    expect((await swept()).marked).toEqual(['stale both']);
  });

  test('in unobserved time is not stalled', async () => {
    await seed({ delegationId: 'covered', stalledAfterMs: 60_000, enteredSeconds: 900 });
    await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end, kind)
      VALUES (clock_timestamp() - interval '890 s', clock_timestamp() - interval '20 s', 'unwatched')`);
    expect((await swept()).marked).toEqual([]);
  });
});

describe('the rules', () => {
  test('of special rows have budgets of their own, and say what they left', async () => {
    for (let i = 0; i < 5; i += 1) {
      await seed({ delegationId: `silent-${i}`, stuckAfterMs: 5_000, silentSeconds: 60 });
      await seed({ delegationId: `stalled-${i}`, stalledAfterMs: 5_000, enteredSeconds: 60 });
    }
    const { summary, marked } = await swept({ rowsMax: 3, batchRowsMax: 2 });
    expect(marked).toHaveLength(6);
    expect(summary).toMatchObject({ stuck: 6, remaining: 4, truncated: true });
    expect((await swept({ rowsMax: 3 })).summary).toMatchObject({ stuck: 4, remaining: 0, truncated: false });
  });

  test('share one budget between the plain and the special rows of one rule', async () => {
    await seed({ delegationId: 'special', stuckAfterMs: 5_000, silentSeconds: 60 });
    for (const id of ['plain-1', 'plain-2']) await seed({ delegationId: id, silentSeconds: 700 });
    expect((await swept({ rowsMax: 2 })).summary).toMatchObject({ stuck: 2, remaining: 1, truncated: true });
  });

  test('do not depend on one another: a special row whose update raises stops no other', async () => {
    for (const id of ['a-bad', 'b-good']) {
      await seed({ delegationId: `stale-${id}`, stuckAfterMs: 5_000, silentSeconds: 60 });
      await seed({ delegationId: `stalled-${id}`, stalledAfterMs: 5_000, enteredSeconds: 60 });
    }
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '55000'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (OLD.delegation_id LIKE '%a-bad') EXECUTE FUNCTION refuse()`);
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 2, poisoned: 2, remaining: 2 });
    expect(await sweeper.dryRun()).toMatchObject({ stuck: 0, poisoned: 2, remaining: 2 });
  });
});
