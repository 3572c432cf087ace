import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { seedDelegation } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase();
const THRESHOLD_MS = 600_000;
beforeAll(() => database.query(`UPDATE sweeper_threshold SET stuck_after_ms = ${THRESHOLD_MS}`));

interface Answer {
  delegation_id?: string;
  outcome: string;
  status: string | null;
  stuck_after_ms: string | null;
  epoch: string | null;
}

const beat = async (args: string, values: unknown[]): Promise<Answer> => {
  const [answer] = await database.query<Answer>(`SELECT * FROM delegation_heartbeat(${args})`, values);
  return answer!;
};
const beatMany = async (args: string, values: unknown[]): Promise<Record<string, string>> => {
  const rows = await database.query<Answer>(`SELECT * FROM delegation_heartbeat_many(${args})`, values);
  return Object.fromEntries(rows.map(({ delegation_id, outcome }) => [delegation_id, outcome]));
};

const set = (id: string, columns: string) =>
  database.query(`UPDATE delegations SET ${columns} WHERE delegation_id = $1`, [id]);

/** Seconds from now. */
async function seconds(id: string, column: string): Promise<number | null> {
  const [row] = await database.query<{ s: number | null }>(
    `SELECT extract(epoch FROM ${column} - clock_timestamp())::float8 AS s FROM delegations WHERE delegation_id = $1`,
    [id],
  );
  return row!.s;
}
const isNow = (s: number | null) => s !== null && s <= 0 && s > -30;

describe('delegation_heartbeat', () => {
  test('stamps, is fresh afterwards, and answers the threshold of the daemons', async () => {
    const id = await seedDelegation(database, { silentSeconds: 90 });
    expect(await beat('$1', [id])).toMatchObject({
      outcome: 'stamped',
      status: 'in_progress',
      stuck_after_ms: String(THRESHOLD_MS),
    });
    expect(isNow(await seconds(id, 'last_heartbeat'))).toBe(true);
    expect(await beat('$1', [id])).toMatchObject({ outcome: 'fresh' });
    expect(await beat('$1, min_interval_ms => 0', [id])).toMatchObject({ outcome: 'stamped' });
    expect(await beat('$1', [await seedDelegation(database, { status: 'failed' })])).toMatchObject({
      outcome: 'terminal',
      status: 'failed',
    });
    expect(await beat('$1', [randomUUID()])).toMatchObject({ outcome: 'missing', status: null, stuck_after_ms: null });
  });

  test("answers the delegation's own threshold, and stamps ten times within it", async () => {
    const id = await seedDelegation(database, { silentSeconds: 3 });
    await set(id, 'stuck_after_ms = 20000');
    expect(await beat('$1', [id])).toMatchObject({ outcome: 'stamped', stuck_after_ms: '20000' });
  });

  test('writes what is said about progress, however fresh it is', async () => {
    const id = await seedDelegation(database);
    expect(await beat('$1, progress => $2', [id, 'half way'])).toMatchObject({ outcome: 'stamped' });
    expect(await beat(`'${id}', 'nearly', 15000`, [])).toMatchObject({ outcome: 'stamped' });
    expect(await database.query('SELECT progress FROM delegations WHERE delegation_id = $1', [id])).toEqual([
      { progress: 'nearly' },
    ]);
    expect(isNow(await seconds(id, 'progress_at'))).toBe(true);
  });

  test('as programs of 0.1.0 call it, with two untyped parameters, answers JSON', async () => {
    const id = await seedDelegation(database, { silentSeconds: 90 });
    const call = async (args: string, values: unknown[]) =>
      (await database.query(`SELECT delegation_heartbeat(${args}) AS answer`, values))[0];
    expect(await call('$1, $2', [id, 15000])).toMatchObject({
      answer: {
        delegationId: id,
        stamped: true,
        due: true,
        terminal: false,
        status: 'in_progress',
        stuckAfterMs: THRESHOLD_MS,
      },
    });
    expect(await call('$1, $2', [id, '15000'])).toMatchObject({ answer: { stamped: false, due: false } });
    for (const literal of ['0.001', '0', '0::float8', `'0'`])
      expect(await call(`'${id}', ${literal}`, [])).toMatchObject({ answer: { stamped: true } });
    expect(await call('$1, $2', [randomUUID(), 1])).toEqual({ answer: null });
  });

  test.each([
    ['id', `''`],
    ['min_interval_ms', `'x', min_interval_ms => -1`],
    ['min_interval_ms', `'x', min_interval_ms => NULL`],
    ['min_interval_ms', `'x', 'half', 'NaN'::float8`],
    ['min_interval_ms', `'x', 'half', 1e30`],
    ['min_interval_ms', `'x', 'half', -1`],
    ['progress', `'x', progress => ''`],
    ['progress', `'x', progress => repeat('x', 201)`],
  ])('refuses %s: %s', async (name, args) => {
    await expect(beat(args, [])).rejects.toMatchObject({ code: '22023', message: expect.stringMatching(`^${name} `) });
  });

  test.each([`'NaN'::float8`, '1e30', '-1e30'])('as of 0.1.0 refuses %s as debounce_ms', async (debounce) => {
    await expect(database.query(`SELECT delegation_heartbeat('x', ${debounce})`)).rejects.toMatchObject({
      code: '22023',
      message: expect.stringMatching('^debounce_ms '),
    });
  });
});

describe('the bound of a row with a threshold of its own', () => {
  test.each(['one', 'many'])('follows its heartbeats by half a threshold: %s', async (how) => {
    const stamp = (id: string) =>
      how === 'one' ? beat('$1, min_interval_ms => 0', [id]) : beatMany('ARRAY[$1], min_interval_ms => 0', [id]);
    const id = await seedDelegation(database, { silentSeconds: 10 });
    await set(id, 'stuck_after_ms = 1000000');
    const before = await seconds(id, 'suspect_at');
    await stamp(id);
    expect(Math.round((await seconds(id, 'suspect_at'))! / 10)).toBe(Math.round(before! / 10));
    await set(id, `suspect_at = clock_timestamp() + interval '400 seconds'`);
    await stamp(id);
    expect(await seconds(id, 'suspect_at')).toBeGreaterThan(900);
    // One that is too late, as after the daemons' threshold was lowered during a wait.
    await set(id, `suspect_at = clock_timestamp() + interval '5000 seconds'`);
    await stamp(id);
    expect(await seconds(id, 'suspect_at')).toBeLessThanOrEqual(1000);
    // Heard since it was lowered, and without a reason to be a special row any more.
    await set(id, 'stuck_after_ms = NULL');
    expect(await seconds(id, 'suspect_at')).not.toBeNull();
    await stamp(id);
    expect(
      await database.query('SELECT suspect_at, lowered_at FROM delegations WHERE delegation_id = $1', [id]),
    ).toEqual([{ suspect_at: null, lowered_at: null }]);
  });
});

describe('delegation_heartbeat_many', () => {
  test('answers once for each id', async () => {
    const [due, fresh, over] = [
      await seedDelegation(database, { silentSeconds: 90 }),
      await seedDelegation(database),
      await seedDelegation(database, { status: 'completed' }),
    ];
    const nobody = randomUUID();
    expect(await beatMany('$1', [[due, fresh, over, nobody, due]])).toEqual({
      [due]: 'stamped',
      [fresh]: 'fresh',
      [over]: 'terminal',
      [nobody]: 'missing',
    });
    expect(await beatMany('$1', [[]])).toEqual({});
  });

  test('writes the progress of those who say something, the last where one id is there twice', async () => {
    const [quiet, speaking] = [await seedDelegation(database, { silentSeconds: 90 }), await seedDelegation(database)];
    expect(
      await beatMany('$1, progress => $2', [
        [speaking, quiet, speaking, speaking],
        ['first', null, 'last', null],
      ]),
    ).toEqual({
      [quiet]: 'stamped',
      [speaking]: 'stamped',
    });
    expect(
      await database.query(
        'SELECT delegation_id, progress FROM delegations WHERE delegation_id = ANY($1) ORDER BY progress',
        [[quiet, speaking]],
      ),
    ).toEqual([
      { delegation_id: speaking, progress: 'last' },
      { delegation_id: quiet, progress: null },
    ]);
  });

  test('passes over a row that is locked, or waits for it, as it is asked', async () => {
    const [locked, free] = [
      await seedDelegation(database, { silentSeconds: 90 }),
      await seedDelegation(database, { silentSeconds: 90 }),
    ];
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [locked]);
    expect(await beatMany('$1, skip_locked => true', [[locked, free]])).toEqual({
      [locked]: 'locked',
      [free]: 'stamped',
    });
    const waiting = beatMany('$1', [[locked, free]]);
    await waitUntilWaiting(database, 1);
    await rival.query(`SELECT delegation_set_status($1, 'completed')`, [locked]);
    await rival.query('COMMIT');
    expect(await waiting).toEqual({ [locked]: 'terminal', [free]: 'fresh' });
    await rival.end();
  });

  test.each([
    ['ids', `NULL`],
    ['ids', `ARRAY['x', NULL]`],
    ['ids', `array_fill('x'::text, ARRAY[10001])`],
    ['progress', `ARRAY['x'], progress => ARRAY['a', 'b']`],
    ['progress', `ARRAY['x'], progress => ARRAY['']`],
    ['min_interval_ms', `ARRAY['x'], min_interval_ms => -1`],
  ])('refuses %s: %s', async (name, args) => {
    await expect(beatMany(args, [])).rejects.toMatchObject({
      code: '22023',
      message: expect.stringMatching(`^${name} `),
    });
  });
});
