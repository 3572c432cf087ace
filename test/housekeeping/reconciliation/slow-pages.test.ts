import { expect, test } from '@jest/globals';
import { useDatabase } from '../../support/use-database.ts';
import { reconciling } from './damaging.ts';

const database = useDatabase({ replayed: false });

const ROWS = 100;

test('where a page takes too long, the run goes on from the same place in smaller ones, to the end', async () => {
  // Each row of activity takes 4 ms to read, as it may on a cold disk.
  await database.query(`
    INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, revision)
    SELECT lpad(n::text, 12, '0'), 'a', 'b', 'c', 1 FROM generate_series(1, ${ROWS}) n;
    TRUNCATE activity_logs;
    INSERT INTO activity_logs (delegation_id, event, to_status, actor)
    SELECT delegation_id, 'delegation.queued', 'queued', 'ledger' FROM delegations WHERE delegation_id < lpad('${ROWS}', 12, '0');
    CREATE FUNCTION slow(id text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.004); RETURN true; END $$;
    ALTER TABLE activity_logs RENAME TO activity_kept;
    CREATE VIEW activity_logs AS SELECT * FROM activity_kept a WHERE slow(a.delegation_id)`);
  const { run } = reconciling(database, { statementLimitMs: 150 });
  expect(await run({ dryRun: true })).toMatchObject({
    delegations: ROWS,
    activities: ROWS - 1,
    activitiesMissing: 1,
    interrupted: false,
  });
});

test('where even the smallest page takes too long, the run fails', async () => {
  await expect(reconciling(database, { statementLimitMs: 2 }).run({ dryRun: true })).rejects.toMatchObject({
    code: '57014',
  });
});
