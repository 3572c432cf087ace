import { describe, expect, test } from '@jest/globals';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { agreeStatement } from '../../../src/sweeper/threshold/statements/agree.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

function daemon(stuckAfterMs: number) {
  const capture = capturedLog();
  const beat = new Beat(database.db, capture.log, stuckAfterMs);
  const { sweeper } = testSweeper(database.db, { stuckAfterMs });
  return { ...capture, beat, sweep: () => sweeper.sweep({ trigger: 'manual' }), dryRun: () => sweeper.dryRun() };
}

/** As if everything so far had happened this much earlier, while daemons left beats. */
async function letTimePass(seconds: number) {
  const by = `- ${seconds} * interval '1 second'`;
  await database.query(`UPDATE delegations SET last_heartbeat = last_heartbeat ${by}`);
  await database.query(`UPDATE sweeper_lowerings SET lowered_at = lowered_at ${by}`);
}

/** As if this daemon had left its last beat this much earlier. */
const letDaemonRest = ({ beat }: { beat: Beat }, seconds: number) =>
  database.query(`UPDATE sweeper_daemons SET beat_at = beat_at - $2 * interval '1 second' WHERE daemon_id = $1`, [
    beat.daemonId,
    seconds,
  ]);

const statuses = async (ids: readonly string[]) => {
  const rows = await database.query<{ id: string; status: string }>(
    'SELECT delegation_id AS id, status FROM delegations',
  );
  return ids.map((id) => rows.find((row) => row.id === id)?.status);
};
const inForce = async () =>
  (
    await database.query(`SELECT t.stuck_after_ms::int AS "inForce", s.stuck_after_ms::int AS shown
      FROM sweeper_threshold t, sweeper_state s`)
  )[0];
const lowerings = () =>
  database.query('SELECT stuck_after_ms::int AS "from" FROM sweeper_lowerings ORDER BY lowered_at');

describe('a threshold that is lowered', () => {
  test('marks no agent that paces itself by the old one, until it has been heard since', async () => {
    await database.query('UPDATE sweeper_state SET stuck_after_ms = 600000');
    const living = await Promise.all([1, 2, 3, 4, 5].map(() => seedDelegation(database, { silentSeconds: 45 })));
    const dead = await seedDelegation(database, { silentSeconds: 601 });
    const shorter = daemon(30_000);
    await shorter.beat.leave();
    expect(await inForce()).toEqual({ inForce: 30_000, shown: 30_000 });
    expect(await shorter.dryRun()).toMatchObject({ stuck: 1 });
    expect(await shorter.sweep()).toMatchObject({ stuck: 1, remaining: 0 });
    expect(await statuses([dead, ...living])).toEqual(['stuck', ...living.map(() => 'in_progress')]);

    // Heard, so its agent knows the new threshold: now it is judged by that one.
    const [told, ...untold] = living as [string, ...string[]];
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 1 });
    expect(await ledger.heartbeat(told)).toMatchObject({ outcome: 'stamped', stuckAfterMs: 30_000 });
    await letTimePass(29);
    expect(await shorter.sweep()).toMatchObject({ stuck: 0 });
    await letTimePass(2);
    expect(await shorter.sweep()).toMatchObject({ stuck: 1 });
    expect(await statuses([told, ...untold])).toEqual(['stuck', ...untold.map(() => 'in_progress')]);

    await letTimePass(600 - 45 - 31 - 20);
    expect(await shorter.sweep()).toMatchObject({ stuck: 0 });
    await letTimePass(22);
    expect(await shorter.sweep()).toMatchObject({ stuck: 4 });
  });

  test('is dated after its commit: a daemon that stops in between marks no agent that was answered with the old one', async () => {
    await database.query('UPDATE sweeper_state SET stuck_after_ms = 600000');
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = 600000');
    const id = await seedDelegation(database, { silentSeconds: 100 });
    // The heartbeat's answer is read before the commit of the lowering, and its stamp lies after the lowering's snapshot.
    const agreeing = await database.db.startTransaction().execute();
    await agreeStatement(sweeperTables(agreeing)).run(agreeing, { daemonId: 'one that stops', stuckAfterMs: 30_000 });
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 1 });
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'stamped', stuckAfterMs: 600_000 });
    await agreeing.commit().execute();
    // It stops here. Those that go on agree with the threshold already, and find the lowering without its instant.
    await letTimePass(45);
    const other = daemon(30_000);
    expect(await other.dryRun()).toMatchObject({ stuck: 0 });
    await other.beat.leave();
    expect(await database.query(`SELECT FROM sweeper_lowerings WHERE isfinite(lowered_at)`)).toHaveLength(1);
    expect(await other.sweep()).toMatchObject({ stuck: 0 });
    expect(await statuses([id])).toEqual(['in_progress']);
  });

  test('is dated by a sweep where no daemon runs any more, so that the longer threshold does not count for ever', async () => {
    await database.query(`UPDATE sweeper_state SET stuck_after_ms = 30000; UPDATE sweeper_threshold SET stuck_after_ms = 30000;
      INSERT INTO sweeper_lowerings (lowered_at, stuck_after_ms) VALUES ('infinity', 600000)`);
    const id = await seedDelegation(database, { silentSeconds: 45 });
    const isDated = () => database.query('SELECT isfinite(lowered_at) AS dated FROM sweeper_lowerings');
    const oneShot = daemon(30_000);
    expect(await oneShot.dryRun()).toMatchObject({ stuck: 0 });
    expect(await isDated()).toEqual([{ dated: false }]);
    expect(await oneShot.sweep()).toMatchObject({ stuck: 0 });
    expect(await isDated()).toEqual([{ dated: true }]);
    // Heard since, so its agent knows.
    await testLedger(database.db, { heartbeatMinIntervalMs: 1 }).ledger.heartbeat(id);
    await letTimePass(31);
    expect(await oneShot.sweep()).toMatchObject({ stuck: 1 });
    expect(await statuses([id])).toEqual(['stuck']);
  });

  test('a storm counts only what is stale: rows spared by a lowering do not look like one', async () => {
    await database.query('UPDATE sweeper_state SET stuck_after_ms = 600000');
    for (let i = 0; i < 6; i += 1) await seedDelegation(database, { silentSeconds: 45, calleeId: `callee-${i}` });
    await daemon(30_000).beat.leave();
    const { sweeper, events } = testSweeper(database.db, {
      stuckAfterMs: 30_000,
      storm: { minStale: 2, ratio: 0.5, maxHoldMs: 60_000 },
    });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: false });
    expect(events('sweep.held')).toEqual([]);
  });

  test('the first daemon on a ledger counts as a lowering from ten minutes, and one with as much does not', async () => {
    const living = await seedDelegation(database, { silentSeconds: 590 });
    const first = daemon(30_000);
    await first.beat.leave();
    expect(await lowerings()).toEqual([{ from: 600_000 }]);
    expect(await first.sweep()).toMatchObject({ stuck: 0 });
    expect(await statuses([living])).toEqual(['in_progress']);
  });

  test('is no lowering when the first daemon has ten minutes or more', async () => {
    await daemon(600_000).beat.leave();
    expect(await lowerings()).toEqual([]);
    expect(await inForce()).toEqual({ inForce: 600_000, shown: 600_000 });
  });

  test('is not logged as a difference when the daemon that had another one has stopped', async () => {
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = 600000');
    await database.query('UPDATE sweeper_state SET stuck_after_ms = 600000');
    const only = daemon(30_000);
    for (let beat = 0; beat < 3; beat += 1) await only.beat.leave();
    expect(only.events('config.differs')).toEqual([]);
  });

  test('a lowering from a longer threshold than all before replaces them, so that they never accumulate', async () => {
    const shorter = daemon(30_000);
    await shorter.beat.leave();
    // A daemon of 0.1.0 runs at the same time, and writes its own threshold at each beat.
    for (let beat = 0; beat < 5; beat += 1) {
      await database.query('UPDATE sweeper_state SET stuck_after_ms = 7200000');
      await shorter.beat.leave();
    }
    expect(await lowerings()).toEqual([{ from: 7_200_000 }]);
    expect(await inForce()).toEqual({ inForce: 30_000, shown: 30_000 });
    expect(shorter.events('config.differs')).toMatchObject([{ stuckAfterMs: 30_000, inForceMs: 7_200_000 }]);
  });

  test('old lowerings are forgotten', async () => {
    await database.query(`INSERT INTO sweeper_lowerings VALUES (clock_timestamp() - interval '31 days', 2592000000)`);
    await daemon(600_000).beat.leave();
    expect(await lowerings()).toEqual([]);
  });
});

describe('two daemons with two thresholds', () => {
  test('judge by the longer while both run, and log it once an hour; after the rollout by the one that remains', async () => {
    const [old, young] = [daemon(600_000), daemon(30_000)];
    await old.beat.leave();
    const living = await seedDelegation(database, { silentSeconds: 45 });
    for (let round = 0; round < 3; round += 1) {
      await young.beat.leave();
      await old.beat.leave();
      expect(await young.sweep()).toMatchObject({ stuck: 0 });
    }
    expect(await inForce()).toEqual({ inForce: 600_000, shown: 600_000 });
    expect(young.events('config.differs')).toMatchObject([{ level: 'warn', stuckAfterMs: 30_000, inForceMs: 600_000 }]);
    expect(old.events('config.differs')).toEqual([]);

    await letDaemonRest(old, 120);
    await young.beat.leave();
    expect(await inForce()).toEqual({ inForce: 30_000, shown: 30_000 });
    expect(await young.sweep()).toMatchObject({ stuck: 0 });
    expect(await statuses([living])).toEqual(['in_progress']);
    // Heard since, so its agent knows.
    await testLedger(database.db, { heartbeatMinIntervalMs: 1 }).ledger.heartbeat(living);
    await letTimePass(31);
    expect(await young.sweep()).toMatchObject({ stuck: 1 });
  });

  test('a raised threshold is in force at once', async () => {
    await daemon(30_000).beat.leave();
    const longer = daemon(600_000);
    await longer.beat.leave();
    expect(await inForce()).toEqual({ inForce: 600_000, shown: 600_000 });
    expect(await lowerings()).toEqual([{ from: 600_000 }]);
  });

  test('that start at once agree on the longer', async () => {
    const gate = await database.connect();
    await gate.query('BEGIN; SELECT FROM sweeper_state FOR UPDATE');
    const both = [daemon(30_000), daemon(900_000)];
    const beats = both.map(({ beat }) => beat.leave());
    await waitUntilWaiting(database, 2);
    await gate.query('COMMIT');
    await Promise.all(beats);
    expect(await inForce()).toEqual({ inForce: 900_000, shown: 900_000 });
  });
});

test('sweeper_threshold is updated only when the threshold changes', async () => {
  const first = daemon(600_000);
  const version = async () => (await database.query('SELECT xmin::text, ctid::text FROM sweeper_threshold'))[0];
  await first.beat.leave();
  const before = await version();
  for (let beat = 0; beat < 5; beat += 1) await first.beat.leave();
  await daemon(600_000).beat.leave();
  await first.sweep();
  expect(await version()).toEqual(before);
});
