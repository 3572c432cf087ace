import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { ReconcilerOptions } from '../../../src/housekeeping/reconciliation/reconciler.ts';
import { Reconciliation } from '../../../src/housekeeping/reconciliation/reconciliation.ts';
import type { InsertArguments } from '../../../src/ledger/insert-arguments.ts';
import type { TestDatabase } from '../../support/database.ts';
import { capturedLog, testLedger } from '../../support/fixtures.ts';

type Place = Pick<TestDatabase, 'db' | 'query' | 'connect'>;

/** A delegation that the ledger has inserted: its id. */
export async function inserted(database: Place, more: Partial<InsertArguments> = {}): Promise<string> {
  const delegationId = more.delegationId ?? randomUUID();
  const { ledger } = testLedger(database.db);
  const task = { delegationId, callerId: 'planner', calleeId: 'coder', taskPreview: 'write it', ...more };
  expect(await ledger.insert(task)).toMatchObject({ outcome: 'inserted' });
  return delegationId;
}

/** Runs it as a client whose triggers are off, as those of a restore are. */
export async function withoutTriggers(database: Place, sql: string, params: unknown[] = []): Promise<void> {
  const session = await database.connect();
  await session.query('SET session_replication_role = replica');
  await session.query(sql, params.length > 0 ? params : undefined);
  await session.end();
}

/** The row as it is now; `restore` puts it back in place of what it became, or of nothing. */
export async function backup(database: Place, id: string): Promise<{ restore(): Promise<void> }> {
  const copy = `backup_${randomUUID().replaceAll('-', '')}`;
  // The generated column is left out.
  const columns = (
    await database.query<{ name: string }>(
      `SELECT quote_ident(column_name) AS name FROM information_schema.columns
       WHERE table_name = 'delegations' AND is_generated = 'NEVER' ORDER BY ordinal_position`,
    )
  ).map(({ name }) => name);
  await database.query(`CREATE TABLE ${copy} AS SELECT ${columns.join(', ')} FROM delegations`);
  return {
    async restore() {
      await withoutTriggers(
        database,
        `DELETE FROM delegations WHERE delegation_id = '${id}';
         INSERT INTO delegations (${columns.join(', ')}) SELECT * FROM ${copy} WHERE delegation_id = '${id}';
         DROP TABLE ${copy}`,
      );
    },
  };
}

export function reconciling(database: Place, options: ReconcilerOptions = {}) {
  const capture = capturedLog();
  const reconciliation = new Reconciliation(database.db, capture.log, options);
  return {
    ...capture,
    reconciliation,
    run: (more: { readonly dryRun?: boolean } = {}) =>
      reconciliation.run({ trigger: 'manual', signal: new AbortController().signal, ...more }),
  };
}
