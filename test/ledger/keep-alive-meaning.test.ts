import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { KeepAlive } from '../../src/ledger/keep-alive.ts';
import { KeepAliveRounds } from '../../src/ledger/keep-alive-rounds.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { ScriptedBeats } from '../support/scripted-beats.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

// What keepAlives say about progress, and thresholds of a delegation's own, in the rounds that they share.
const database = useDatabase();

async function round(beats: ScriptedBeats, number: number) {
  return waitFor(`round ${number}`, () => beats.asked[number - 1]);
}

describe('progress', () => {
  test('goes with the next heartbeat, the last text of several, and once', async () => {
    const beats = new ScriptedBeats();
    const rounds = new KeepAliveRounds(beats);
    const [a, b] = [new KeepAlive(rounds, 'a', { everyMs: 20 }), new KeepAlive(rounds, 'b', { everyMs: 20 })];
    a.progress('1 of 3');
    a.progress('2 of 3');
    const first = await round(beats, 1);
    expect(first).toMatchObject({ ids: ['a', 'b'], progress: { a: '2 of 3' } });
    first.answer('stamped');
    expect((await round(beats, 2)).progress).toEqual({});
    await Promise.all([a.stop(), b.stop()]);
  });

  test.each(['failed', 'fresh'] as const)(
    'that was not written, since the heartbeat was %s, goes again',
    async (outcome) => {
      const beats = new ScriptedBeats();
      const alive = new KeepAlive(new KeepAliveRounds(beats), 'a', { everyMs: 20 });
      alive.progress('1 of 3');
      (await round(beats, 1)).answer(outcome);
      const second = await round(beats, 2);
      expect(second.progress).toEqual({ a: '1 of 3' });
      // Newer than what is under way.
      alive.progress('2 of 3');
      second.answer('stamped');
      expect((await round(beats, 3)).progress).toEqual({ a: '2 of 3' });
      await alive.stop();
    },
  );

  test('of two keepAlives of one delegation is the last text, and the older one never follows it', async () => {
    const beats = new ScriptedBeats();
    const rounds = new KeepAliveRounds(beats);
    const two = [new KeepAlive(rounds, 'a', { everyMs: 20 }), new KeepAlive(rounds, 'a', { everyMs: 20 })];
    two[1]!.progress('newer');
    two[0]!.progress('newest');
    const first = await round(beats, 1);
    expect(first.progress).toEqual({ a: 'newest' });
    first.answer('stamped');
    expect((await round(beats, 2)).progress).toEqual({});
    await Promise.all(two.map((one) => one.stop()));
  });

  test.each([
    ['', 'progress must have 1 to 200 characters, not 0'],
    ['x'.repeat(201), 'progress must have 1 to 200 characters, not 201'],
    [7, 'progress must be a string, not number'],
  ])('%p is refused', async (text, message) => {
    const alive = new KeepAlive(new KeepAliveRounds(new ScriptedBeats()), 'a', { everyMs: 20 });
    expect(() => alive.progress(text as string)).toThrow(expect.objectContaining({ field: 'progress', message }));
    await alive.stop();
  });

  test('of many is written in one round trip, whatever else goes along', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => seedDelegation(database, { silentSeconds: 100 })));
    const { ledger } = testLedger(database.db);
    await using stack = new AsyncDisposableStack();
    const alive = ids.map((id) => stack.use(ledger.keepAlive(id, { everyMs: 20 })));
    alive[0]!.progress(`nul \0 and 'quotes'`);
    alive[3]!.progress('4 of 5 🙂');
    await waitFor('the texts', async () => {
      const rows = await database.query<{ n: number }>(
        'SELECT count(progress)::int AS n FROM delegations WHERE delegation_id = ANY($1)',
        [ids],
      );
      return rows[0]!.n === 2;
    });
    expect(
      await database.query(
        `SELECT delegation_id AS id, progress FROM delegations WHERE progress IS NOT NULL AND progress_at <= clock_timestamp()
         ORDER BY progress`,
      ),
    ).toEqual([
      { id: ids[3], progress: '4 of 5 🙂' },
      { id: ids[0], progress: `nul \ufffd and 'quotes'` },
    ]);
  });
});

describe('a threshold of its own', () => {
  test('gives each keepAlive its own cadence in the rounds of one ledger', async () => {
    const beats = new ScriptedBeats();
    const rounds = new KeepAliveRounds(beats);
    const [short, long] = [new KeepAlive(rounds, 'short', {}), new KeepAlive(rounds, 'long', {})];
    const thresholds = { short: 1_000, long: 1_000_000_000 };
    (await round(beats, 1)).answer('stamped', thresholds);
    // Every 100 ms the one; the other once a minute.
    for (const number of [2, 3, 4]) {
      const asked = await round(beats, number);
      expect(asked.ids).toEqual(['short']);
      asked.answer('stamped', thresholds);
    }
    await Promise.all([short.stop(), long.stop()]);
  });

  test('bounds the wait for an answer: the shortest of those that wait', async () => {
    const beats = new ScriptedBeats();
    const rounds = new KeepAliveRounds(beats);
    const alive = ['a', 'b'].map((id) => new KeepAlive(rounds, id, { everyMs: 20 }));
    (await round(beats, 1)).answer('stamped', { a: 1_000, b: 1_000_000_000 });
    await round(beats, 2);
    await waitFor('the silence of both', () => beats.timeouts.length > 0);
    expect(beats.timeouts[0]).toEqual(['a', 'b']);
    await Promise.all(alive.map((one) => one.stop()));
  });

  test('says how long a delegation may be missing', async () => {
    const beats = new ScriptedBeats();
    const rounds = new KeepAliveRounds(beats);
    const [short, long] = [new KeepAlive(rounds, 'a', { everyMs: 20 }), new KeepAlive(rounds, 'b', { everyMs: 20 })];
    (await round(beats, 1)).answer('stamped', { a: 50, b: 1_000_000 });
    let number = 2;
    await waitFor('the end of the one', async () => {
      const asked = beats.asked[number - 1];
      if (asked) {
        asked.answer('missing');
        number += 1;
      }
      return short.signal.aborted;
    });
    expect(long.signal.aborted).toBe(false);
    await long.stop();
  });
});

test('a thousand keepAlives of one ledger are one statement a round', async () => {
  const asked: unknown[] = [];
  const counting = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 4 }) }),
    log: ({ query }) => {
      asked.push(query.parameters[0]);
    },
  });
  await database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status)
    SELECT 'many-' || i, 'caller', 'callee', 'task', 'in_progress' FROM generate_series(1, 1000) i`);
  const { ledger } = testLedger(counting, { heartbeatMinIntervalMs: 0.001 });
  {
    await using stack = new AsyncDisposableStack();
    const alive = Array.from({ length: 1000 }, (_, i) =>
      stack.use(ledger.keepAlive(`many-${i + 1}`, { everyMs: 500 })),
    );
    for (const [i, one] of alive.entries()) one.progress(`step ${i}`);
    await waitFor('two rounds', () => asked.length >= 2);
  }
  await counting.destroy();
  for (const ids of asked) expect(ids).toHaveLength(1000);
  expect(
    await database.query(`SELECT count(*)::int AS n, count(DISTINCT progress)::int AS texts FROM delegations
      WHERE delegation_id LIKE 'many-%' AND progress LIKE 'step %'`),
  ).toEqual([{ n: 1000, texts: 1000 }]);
});
