import { describe, expect, test } from '@jest/globals';
import { overdue, stale } from '../../../src/sweeper/pass/rules.ts';
import { matchingStatement } from '../../../src/sweeper/pass/statements/matching.ts';
import { remainingStatement } from '../../../src/sweeper/pass/statements/remaining.ts';
import { AGE_BINS } from '../../../src/sweeper/storm/ages.ts';
import { ageCountStatement } from '../../../src/sweeper/storm/statements/age-count.ts';
import { anySilentStatement } from '../../../src/sweeper/storm/statements/any-silent.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { seedDelegation } from '../../support/fixtures.ts';
import { mark } from '../../support/mark.ts';
import { plainStaleness } from '../../support/plain-staleness.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

// Arbitrary instants. The second horizon is on the border of two buckets of five minutes.
const horizons = { 'inside a bucket': 1_790_000_123_456_789, "on a bucket's border": 1_790_000_100_000_000 };
const THRESHOLD_US = 600_000_000;

const at = async (id: string, column: 'last_heartbeat' | 'deadline', us: number) => {
  await database.query(
    `UPDATE delegations SET ${column} = '1970-01-01 00:00:00+00'::timestamptz + $2::bigint * interval '1 microsecond'
     WHERE delegation_id = $1`,
    [id, us],
  );
};

describe.each(Object.entries(horizons))('with the horizon %s', (_, horizonUs) => {
  const nowUs = horizonUs + THRESHOLD_US;

  async function matching(rule: typeof stale): Promise<string[]> {
    const rows = await matchingStatement(sweeperTables(database.db), rule).run(database.db, {
      now: nowUs,
      staleness: plainStaleness(horizonUs),
      rowsMax: 100,
    });
    return rows.map(({ delegationId }) => delegationId);
  }

  test('a heartbeat exactly at the threshold is not stale; a microsecond earlier is', async () => {
    const offsets = { 'a-older': -THRESHOLD_US, 'b-stale': -1, 'c-exact': 0, 'd-living': 1, 'e-now': THRESHOLD_US };
    for (const [delegationId, offset] of Object.entries(offsets)) {
      await seedDelegation(database, { delegationId });
      await at(delegationId, 'last_heartbeat', horizonUs + offset);
      await at(delegationId, 'deadline', nowUs + 1);
    }
    const tables = sweeperTables(database.db);
    expect(await matching(stale)).toEqual(['a-older', 'b-stale']);
    const staleness = plainStaleness(horizonUs);
    expect(await remainingStatement(tables).run(database.db, { now: nowUs, staleness })).toEqual([
      { overdue: 0, stale: 2, stalled: 0 },
    ]);
    const boundsUs = Array.from({ length: AGE_BINS }, (_, i) => horizonUs + i * 1_000_000);
    const counted = await ageCountStatement(tables).run(database.db, { now: nowUs, staleness, bounds: boundsUs });
    expect(counted).toMatchObject([{ stale: 2 }]);
    const anySilent = () => anySilentStatement(tables).run(database.db, { now: nowUs, staleness, before: horizonUs });
    expect(await anySilent()).toEqual([{ any: true }]);
    expect(await mark(database.db, 'stale', { nowUs, horizonUs })).toEqual(['a-older', 'b-stale']);
    expect(await mark(database.db, 'stale', { nowUs, horizonUs })).toEqual([]);
    expect(await anySilent()).toEqual([{ any: false }]);
    expect(await database.query(`SELECT error_detail FROM delegations WHERE delegation_id = 'b-stale'`)).toEqual([
      { error_detail: 'no heartbeat for 600s' },
    ]);
  });

  test.each(['staleSpecial', 'stalled'] as const)('so it is by a limit of its own (%s)', async (scan) => {
    const limitMs = 60_000;
    for (const [delegationId, offset] of Object.entries({ 'a-stale': -1, 'b-exact': 0, 'c-living': 1 })) {
      await seedDelegation(database, { delegationId });
      await at(delegationId, 'deadline', nowUs + 1);
      // As the triggers leave them: what it was last heard or progressed at, and when it comes due by its limit.
      const session = await database.connect();
      await session.query('SET session_replication_role = replica');
      const since = `to_timestamp(0) + ${nowUs - limitMs * 1000 + offset}::bigint * interval '1 microsecond'`;
      const due = `to_timestamp(0) + ${nowUs + offset}::bigint * interval '1 microsecond'`;
      await session.query(
        scan === 'stalled'
          ? `UPDATE delegations SET stalled_after_ms = ${limitMs}, stalled_from = ${since}, suspect_at = ${due},
             last_heartbeat = to_timestamp(0) + ${nowUs}::bigint * interval '1 microsecond' WHERE delegation_id = $1`
          : `UPDATE delegations SET stuck_after_ms = ${limitMs}, last_heartbeat = ${since}, suspect_at = ${due} WHERE delegation_id = $1`,
        [delegationId],
      );
      await session.end();
    }
    expect(await mark(database.db, scan, { nowUs, horizonUs })).toEqual(['a-stale']);
    expect(await mark(database.db, scan, { nowUs, horizonUs })).toEqual([]);
  });

  test('a deadline that is now has not passed; a microsecond earlier it has', async () => {
    for (const [delegationId, offset] of Object.entries({ 'a-past': -1, 'b-now': 0, 'c-ahead': 1 })) {
      await seedDelegation(database, { delegationId });
      await at(delegationId, 'deadline', nowUs + offset);
      await at(delegationId, 'last_heartbeat', nowUs);
    }
    expect(await matching(overdue)).toEqual(['a-past']);
    expect(await mark(database.db, 'overdue', { nowUs, horizonUs })).toEqual(['a-past']);
    expect(await mark(database.db, 'overdue', { nowUs, horizonUs })).toEqual([]);
  });

  test('the two rules share no row: one that matches both is overdue, one whose deadline is exactly now can only be stale', async () => {
    for (const [delegationId, offset] of Object.entries({ 'a-both': -1, 'b-silent': 0 })) {
      await seedDelegation(database, { delegationId });
      await at(delegationId, 'deadline', nowUs + offset);
      await at(delegationId, 'last_heartbeat', horizonUs - 1);
    }
    expect(await matching(stale)).toEqual(['b-silent']);
    expect(await matching(overdue)).toEqual(['a-both']);
    expect(await mark(database.db, 'stale', { nowUs, horizonUs })).toEqual(['b-silent']);
    expect(await mark(database.db, 'overdue', { nowUs, horizonUs })).toEqual(['a-both']);
  });
});
