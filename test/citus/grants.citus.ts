import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readPlacement } from '../../src/db/citus/placement.ts';
import { openDatabase } from '../../src/db/database.ts';
import { openLedger } from '../../src/index.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { capturedLog, testSweeper } from '../support/fixtures.ts';
import { storeOf, useCitusLedger } from './citus-ledger.ts';

const ROLES_SQL = path.resolve(import.meta.dirname, '../../deploy/postgres/roles.sql');
const ledger = useCitusLedger();
const task = { callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };

function urlOf(role: string): string {
  const url = new URL(ledger.url);
  url.username = `delegation_sweeper_${role}`;
  return url.href;
}

const openAs = (role: string) =>
  openDatabase({
    location: { url: urlOf(role) },
    schema: ledger.schema,
    max: 2,
    applicationName: 'delegation-sweeper test',
    queryTimeoutMs: 0,
  });

beforeAll(async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-v', `db_schema=${ledger.schema}`, '-f', ROLES_SQL, ledger.url]);
});

describe('by roles.sql, on Citus,', () => {
  test('agents work with the rights of the writer, alone and in a transaction', async () => {
    await using agents = await openLedger(urlOf('writer'), { schema: ledger.schema, heartbeatMinIntervalMs: 1 });
    expect(await agents.insert({ delegationId: 'one', ...task })).toMatchObject({ outcome: 'inserted' });
    expect(await agents.insertMany([{ delegationId: 'two', ...task }])).toMatchObject([{ outcome: 'inserted' }]);
    expect(await agents.setStatus('one', 'in_progress')).toMatchObject({ outcome: 'changed' });
    expect(await agents.heartbeat('one', { progress: 'half' })).toMatchObject({ outcome: 'stamped' });
    expect(await agents.heartbeatMany(['one'])).toMatchObject([{ outcome: 'stamped' }]);
    expect(await agents.wait('one', { untilMs: 60_000, reason: 'a person' })).toMatchObject({ outcome: 'waiting' });
    expect(await agents.resume('one')).toMatchObject({ outcome: 'resumed' });
    await using handle = openAs('writer');
    const ended = await handle.db.transaction().execute(async (transaction) => {
      const { rows } = await transaction.executeQuery<{ outcome: string }>({
        sql: `SELECT outcome FROM ${ledger.schema}.delegation_set_status('one', 'failed', 'why')`,
        parameters: [],
      } as never);
      return rows;
    });
    expect(ended).toEqual([{ outcome: 'changed' }]);
    expect(await agents.retry('one', { delegationId: 'one again' })).toMatchObject({ outcome: 'inserted' });
    expect((await agents.history('one')).map(({ event }) => event)).toContain('delegation.failed');
    expect(await agents.list({ status: 'failed' })).toMatchObject({ rows: [{ delegationId: 'one' }] });
  });

  test('the sweeper marks, with its beat and its hold, and a reader reads', async () => {
    await using agents = await openLedger(urlOf('writer'), { schema: ledger.schema });
    await agents.insert({ delegationId: 'silent', ...task });
    await agents.setStatus('silent', 'in_progress');
    await using store = storeOf(ledger);
    await store.query(
      `UPDATE delegations SET last_heartbeat = last_heartbeat - interval '1 hour' WHERE delegation_id = 'silent'`,
    );
    await using sweeping = openAs('sweeper');
    const schemas = { dbSchema: ledger.schema, pgbossSchema: 'pgboss' };
    expect(await readPlacement(sweeping.db, schemas)).toMatchObject({ kind: 'distributed' });
    await new Beat(sweeping.db, capturedLog().log, 600_000).leave();
    const { sweeper } = testSweeper(sweeping.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1, failed: 0 });
    await using reading = await openLedger(urlOf('reader'), { schema: ledger.schema });
    expect(await reading.get('silent')).toMatchObject({ status: 'stuck' });
  });

  test.each([
    ['writer', `DELETE FROM delegations WHERE delegation_id = 'one'`],
    ['writer', `UPDATE activity_logs SET actor = 'x' WHERE delegation_id = 'one'`],
    ['reader', `UPDATE delegations SET status = 'failed' WHERE delegation_id = 'two'`],
    ['sweeper', `DELETE FROM activity_logs WHERE delegation_id = 'one'`],
  ])('the %s may not: %s', async (role, statement) => {
    await using handle = openAs(role);
    const { schema } = ledger;
    const refused = { code: '42501' };
    const named = statement.replaceAll(/\b(delegations|activity_logs)\b/g, `${schema}.$1`);
    await expect(handle.pool.query(named)).rejects.toMatchObject(refused);
    // Nor by the function that runs statements on the node, which has the rights of its caller.
    const there = statement.replaceAll(
      /\b(delegations|activity_logs)\b/g,
      (name) => `${schema}.${name}_${ledger.shards[name]}`,
    );
    await expect(
      handle.pool.query(`SELECT FROM ${schema}.sweeper_run($1, '{}', '') AS h (nothing text)`, [there]),
    ).rejects.toMatchObject(refused);
  });
});
