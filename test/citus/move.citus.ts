import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { openLedger } from '../../src/index.ts';
import { testSweeper } from '../support/fixtures.ts';
import { unreplayable } from '../support/replay.ts';
import { useCitusLedger } from './citus-ledger.ts';

const ledger = useCitusLedger();
const AGENTS = 6;

test('a ledger moves to another node under load without an error, and is whole there', async () => {
  await using agents = await openLedger(ledger.url, { schema: ledger.schema, heartbeatMinIntervalMs: 1 });
  const failures: unknown[] = [];
  let lives = 0;
  let isMoved = false;
  const agent = async (name: string) => {
    for (let n = 0; !isMoved || n < 3; n += 1) {
      const delegationId = `${name}-${n}`;
      try {
        const inserted = await agents.insert({ delegationId, callerId: name, calleeId: 'callee', taskPreview: 'task' });
        const started = await agents.setStatus(delegationId, 'in_progress');
        const beat = await agents.heartbeat(delegationId);
        // In a transaction of its own, too.
        const ended = await ledger.db.transaction().execute(async (transaction) => {
          const { rows } = await sql<{ outcome: string }>`
            SELECT outcome FROM ${sql.id(ledger.schema, 'delegation_set_status')}(${delegationId}, 'completed')`.execute(
            transaction,
          );
          return rows[0]!;
        });
        const outcomes = [inserted, started, beat, ended].map(({ outcome }) => outcome);
        if (outcomes.join() !== 'inserted,changed,stamped,changed') failures.push({ delegationId, outcomes });
        lives += 1;
      } catch (err) {
        failures.push({ delegationId, err });
      }
    }
  };
  const [from, to] = [await ledger.node(), await ledger.otherNode()];
  const working = Array.from({ length: AGENTS }, (_, index) => agent(`agent-${index}`));
  await ledger.moveTo(to);
  isMoved = true;
  await Promise.all(working);
  expect(failures).toEqual([]);
  expect(await ledger.node()).toEqual(to);
  expect(await ledger.otherNode()).not.toEqual(to);
  expect(from).not.toEqual(to);

  const tables = {
    query: (text: string) => ledger.query(text.replaceAll(/\b(delegations|activity_logs)\b/g, `${ledger.schema}.$1`)),
  };
  expect(
    await ledger.query(`SELECT status, count(*)::int AS count FROM ${ledger.schema}.delegations GROUP BY status`),
  ).toEqual([{ status: 'completed', count: lives }]);
  expect(await unreplayable(tables as never)).toEqual([]);
  // The guard is on the new node, too.
  await expect(
    ledger.query(`UPDATE ${ledger.schema}.delegations SET status = 'queued' WHERE delegation_id = 'agent-0-0'`),
  ).rejects.toMatchObject({ code: '23514' });
  const { sweeper } = testSweeper(ledger.db);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 0 });
});
