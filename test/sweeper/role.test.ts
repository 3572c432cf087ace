import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { SetBack } from '../../src/sweeper/observed-time/set-back.ts';
import type { ProbeAnswer } from '../../src/sweeper/probe/suspect-probe.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { seedDelegation, testSweeper } from '../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../support/scripted-probe.ts';
import { seedSpecial } from '../support/seed-special.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
const ROLES_SQL = path.resolve(import.meta.dirname, '../../deploy/postgres/roles.sql');

test("the sweeper's role of deploy/postgres/roles.sql may do all that a sweep does, and what follows a clock set back", async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  const special = await seedDelegation(database, { silentSeconds: 60 });
  await database.query('UPDATE delegations SET stuck_after_ms = 1000 WHERE delegation_id = $1', [special]);
  // Heard since its threshold was lowered.
  await database.query(`UPDATE delegations SET lowered_at = NULL, lowered_from_ms = NULL WHERE delegation_id = $1`, [
    special,
  ]);
  const url = new URL(database.url);
  url.username = 'delegation_sweeper_sweeper';
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  await using db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  await new SetBack(db, sweeperTables(db)).takeBack(Date.now() * 1000);
  const answers: Record<string, ProbeAnswer> = {
    alive: { seen: { step: 'in_progress', progress: 'step 2' }, fingerprint: 'f' },
    waiting: { seen: { step: 'waiting', reason: 'a person' }, fingerprint: 'f' },
    completed: { seen: { step: 'completed', resultPreview: 'done', responseBody: {} }, fingerprint: 'f' },
    failed: { seen: { step: 'failed', errorDetail: 'a2a: FAILED' }, fingerprint: 'f' },
  };
  for (const delegationId of Object.keys(answers)) {
    await seedSpecial(database, { delegationId, silentSeconds: 60, stuckAfterMs: 1000 });
    await mapTask(database, delegationId);
  }
  const probe = new ScriptedProbe(({ delegationId }) => answers[delegationId]!);
  const { sweeper, lines } = testSweeper(db, { probe: probe.options(), attemptsMax: 2 });
  const summary = await sweeper.sweep({ trigger: 'manual' });
  expect(summary).toMatchObject({ stuck: 1, retried: 1, poisoned: 0, remaining: 0 });
  expect(lines.filter(({ event }) => event === 'delegation.probed').map(({ changed }) => changed)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});
