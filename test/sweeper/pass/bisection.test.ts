import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

/** From the oldest on. */
async function seedSilent(rows: number): Promise<string[]> {
  const ids = [];
  for (let row = 0; row < rows; row += 1) {
    const delegationId = `row-${String(row).padStart(3, '0')}`;
    ids.push(await seedDelegation(database, { delegationId, silentSeconds: 700 + (rows - row) * 400 }));
  }
  return ids;
}

/** Makes the updates of these rows raise. */
async function poison(ids: readonly string[], sqlstate = 'P0001'): Promise<void> {
  await database.query(`CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned' USING ERRCODE = '${sqlstate}'; END $$`);
  const list = ids.map((id) => `'${id}'`).join(', ');
  await database.query(`CREATE OR REPLACE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id IN (${list})) EXECUTE FUNCTION poison()`);
}

describe('poisoned rows', () => {
  test.each([
    ['first and last of each batch', [0, 4, 5, 9, 10, 14]],
    ['neighbours across a border', [4, 5]],
    ['a whole batch', [5, 6, 7, 8, 9]],
    ['all but one', [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14]],
    ['the last one of all', [14]],
  ])('are left unchanged, and only they: %s', async (_, places) => {
    const ids = await seedSilent(15);
    const bad = places.map((place) => ids[place]!);
    await poison(bad);
    const { ledger } = testLedger(database.db);
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 5 });
    const expected = { stuck: 15 - bad.length, poisoned: bad.length, remaining: bad.length, truncated: false };
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject(expected);
    for (const id of ids)
      expect([id, (await ledger.get(id))?.status]).toEqual([id, bad.includes(id) ? 'in_progress' : 'stuck']);
    expect(
      events('sweep.poisoned')
        .map(({ delegationId }) => delegationId)
        .toSorted(),
    ).toEqual(bad);
    expect(events('sweep.poisoned')[0]).toMatchObject({ rule: 'stale', err: { code: 'P0001', message: 'poisoned' } });
  });

  test('by the hundred are an error, and sweeps still progress: the healthy row behind them is found', async () => {
    const ids = await seedSilent(121);
    const healthy = ids.at(-1)!;
    await poison(ids.slice(0, -1));
    const { sweeper, events } = testSweeper(database.db);
    await expect(sweeper.sweep({ trigger: 'cron' })).rejects.toThrow('poisoned');
    expect(events('sweep.failed')).toMatchObject([{ retryable: false, err: { code: 'P0001' } }]);
    expect((await testLedger(database.db).ledger.get(healthy))?.status).toBe('in_progress');
    // How many of the known ones a sweep tries again depends on the machine: it spends ten seconds on them.
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1, remaining: 120 });
    expect((await testLedger(database.db).ledger.get(healthy))?.status).toBe('stuck');
    expect(events('sweep.poisoned')).toHaveLength(120);
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, remaining: 120 });
    expect(events('sweep.poisoned')).toHaveLength(120);
  });

  test('an error of the database itself marks no row as poisoned: the sweep ends and may be tried again', async () => {
    const ids = await seedSilent(4);
    await poison(ids.slice(2), '53100');
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 2 });
    await expect(sweeper.sweep({ trigger: 'cron' })).rejects.toMatchObject({ code: '53100' });
    expect(events('sweep.failed')).toMatchObject([{ retryable: true }]);
    expect(events('sweep.poisoned')).toEqual([]);
    // What was committed before stays.
    expect(events('delegation.stuck').map(({ delegationId }) => delegationId)).toEqual(ids.slice(0, 2));
  });

  test('nothing is marked when the activity cannot be written', async () => {
    const ids = await seedSilent(2);
    await database.query('ALTER TABLE activity_logs ADD CONSTRAINT closed CHECK (false) NOT VALID');
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, poisoned: 2, remaining: 2 });
    for (const id of ids) expect((await testLedger(database.db).ledger.get(id))?.status).toBe('in_progress');
  });
});
