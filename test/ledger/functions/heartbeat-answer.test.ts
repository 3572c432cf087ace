import { beforeEach, describe, expect, test } from '@jest/globals';
import { seedDelegation } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

// An agent learns its threshold from the answer. A row that was heard after a threshold was lowered is judged by the lower
// one, so a stamp that waited for the row's lock must not answer with what was true before it waited.
const database = useDatabase();
beforeEach(() => database.query('UPDATE sweeper_threshold SET stuck_after_ms = 600000'));

const calls = {
  'one heartbeat': 'delegation_heartbeat($1, min_interval_ms => 0)',
  'one with progress': `delegation_heartbeat($1, progress => 'half way')`,
  'a heartbeat of many': 'delegation_heartbeat_many(ARRAY[$1], min_interval_ms => 0)',
} as const;

/** The answer's status and threshold when another session does this to the row meanwhile. */
async function answerAfter(call: string, id: string, change: string, elsewhere?: string) {
  const [rival, agent] = [await database.connect(), await database.connect()];
  await rival.query('BEGIN');
  await rival.query(change, [id]);
  const answer = agent.query(`SELECT outcome, status, stuck_after_ms FROM ${call}`, [id]);
  await waitUntilWaiting(database, 1);
  if (elsewhere) await database.query(elsewhere);
  await rival.query('COMMIT');
  const { rows } = await answer;
  await Promise.all([rival.end(), agent.end()]);
  return rows[0];
}

describe.each(Object.entries(calls))('%s that waits for the row', (_, call) => {
  test.each([
    ['plain', null],
    ['with a threshold of its own', 3_600_000],
  ])('answers with the threshold that the row was given meanwhile: a row %s', async (_, ownMs) => {
    const id = await seedDelegation(database, { silentSeconds: 3 });
    await database.query('UPDATE delegations SET stuck_after_ms = $2 WHERE delegation_id = $1', [id, ownMs]);
    const change = 'SELECT delegation_adjust($1, stuck_after_ms => 2000)';
    expect(await answerAfter(call, id, change)).toMatchObject({ outcome: 'stamped', stuck_after_ms: '2000' });
  });

  test.each([
    ['plain', null],
    ['special', 60_000],
  ])('answers with the threshold of the daemons that came meanwhile: a %s row', async (_, stalledMs) => {
    const id = await seedDelegation(database, { silentSeconds: 3 });
    await database.query('UPDATE delegations SET stalled_after_ms = $2 WHERE delegation_id = $1', [id, stalledMs]);
    const lowering = 'UPDATE sweeper_threshold SET stuck_after_ms = 3000';
    const change = 'SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE';
    expect(await answerAfter(call, id, change, lowering)).toMatchObject({ outcome: 'stamped', stuck_after_ms: '3000' });
    const [row] = await database.query(
      `SELECT suspect_at <= last_heartbeat + interval '3 seconds' AS early FROM delegations WHERE delegation_id = $1`,
      [id],
    );
    expect(row).toEqual({ early: stalledMs === null ? null : true });
  });

  test('answers with the status that the row was given meanwhile', async () => {
    const id = await seedDelegation(database, { status: 'queued' });
    const change = `SELECT delegation_set_status($1, 'dispatched')`;
    expect(await answerAfter(call, id, change)).toMatchObject({ outcome: 'stamped', status: 'dispatched' });
  });
});
