import { describe, expect, test } from '@jest/globals';
import { horizonOf } from '../../../src/sweeper/horizon.ts';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });

function daemon() {
  const capture = capturedLog();
  const beat = new Beat(database.db, capture.log, 600_000);
  const sweeper = new Sweeper(database.db, capture.log, sweeperDefaults, undefined, beat);
  return { ...capture, beat, sweep: () => sweeper.sweep({ trigger: 'cron' }) };
}

const TABLES = ['delegations', 'sweeper_state', 'sweeper_threshold', 'sweeper_daemons', 'sweeper_gaps'];

async function backUp(): Promise<void> {
  for (const table of TABLES) await database.query(`CREATE TABLE backup_${table} AS SELECT * FROM ${table}`);
  await database.query('ALTER TABLE backup_delegations DROP COLUMN heartbeat_bucket');
}

/** Restores the database to the state of the backup. */
async function restore(): Promise<void> {
  for (const table of TABLES) {
    const columns = (
      await database.query<{ name: string }>(
        `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'backup_${table}'::regclass AND attnum > 0 AND NOT attisdropped`,
      )
    ).map(({ name }) => name);
    await database.query(`TRUNCATE ${table} CASCADE`);
    await database.query(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM backup_${table}`);
  }
}

const letTimePass = (seconds: number) =>
  database.query(
    `WITH g AS (UPDATE sweeper_gaps SET gap_start = gap_start - $1::float8 * interval '1 second',
        gap_end = gap_end - $1::float8 * interval '1 second')
     UPDATE delegations SET last_heartbeat = last_heartbeat - $1::float8 * interval '1 second'`,
    [seconds],
  );
const epoch = async () => (await database.query<{ epoch: string }>('SELECT epoch FROM sweeper_threshold'))[0]!.epoch;
const gaps = () => database.query('SELECT kind FROM sweeper_gaps');

describe('a database that was restored from a backup', () => {
  test('gives every open row a whole threshold to be heard again, and logs it once', async () => {
    const both = [daemon(), daemon()] as const;
    for (const { beat } of both) await beat.leave();
    // Nine minutes of silence in the backup, though the agent has been heard since.
    const living = await seedDelegation(database, { silentSeconds: 540 });
    await backUp();
    await testLedger(database.db).ledger.heartbeat(living);
    for (const { beat } of both) await beat.leave();
    const before = await epoch();
    await restore();
    // The restore took an hour; the sweep comes before the beat.
    await database.query(`UPDATE sweeper_state SET beat_at = beat_at - interval '1 hour'`);
    await database.query(`UPDATE sweeper_daemons SET beat_at = beat_at - interval '1 hour'`);
    await letTimePass(3600);
    expect(await both[0].sweep()).toMatchObject({ stuck: 0, remaining: 0 });
    const [said, ...more] = both[0].events('database.rewound');
    expect(more).toEqual([]);
    expect(said).toMatchObject({ level: 'error' });
    expect(said!.lostMs).toBeGreaterThanOrEqual(3_600_000);
    expect(await gaps()).toEqual([{ kind: 'rewound' }]);
    expect(await epoch()).not.toBe(before);

    // What the test itself takes counts, too.
    await letTimePass(540);
    expect(await both[0].sweep()).toMatchObject({ stuck: 0 });
    await letTimePass(61);
    expect(await both[0].sweep()).toMatchObject({ stuck: 1 });
  });

  test('is found by the daemon whose beat was lost, also after another has beaten', async () => {
    const [lost, kept] = [daemon(), daemon()];
    await lost.beat.leave();
    await kept.beat.leave();
    await backUp();
    await lost.beat.leave();
    await restore();
    const living = await seedDelegation(database, { silentSeconds: 700 });
    await kept.beat.leave();
    expect(kept.events('database.rewound')).toEqual([]);
    expect(await lost.sweep()).toMatchObject({ stuck: 0 });
    expect(lost.events('database.rewound')).toHaveLength(1);
    expect(await testLedger(database.db).ledger.get(living)).toMatchObject({ status: 'in_progress' });
  });

  test("is found when the backup is older than this daemon's start", async () => {
    await daemon().beat.leave();
    await backUp();
    const first = daemon();
    await first.beat.leave();
    await restore();
    await seedDelegation(database, { silentSeconds: 700 });
    expect(await first.sweep()).toMatchObject({ stuck: 0 });
    expect(await gaps()).toEqual([{ kind: 'rewound' }]);
  });

  test('records no gap when no daemon had ever run in it, like a newly installed ledger', async () => {
    await backUp();
    const first = daemon();
    await first.beat.leave();
    await restore();
    await seedDelegation(database, { silentSeconds: 700 });
    expect(await first.sweep()).toMatchObject({ stuck: 1 });
    expect(await gaps()).toEqual([]);
  });
});

test('a database that has all its beats is not taken for an older one', async () => {
  const first = daemon();
  const before = await epoch();
  for (let beat = 0; beat < 5; beat += 1) await first.beat.leave();
  await daemon().beat.leave();
  await first.sweep();
  expect(first.events('database.rewound')).toEqual([]);
  expect(await epoch()).toBe(before);
});

describe('the horizon where the database went back', () => {
  const MINUTE_US = 60_000_000;
  const at = (minutes: number) => 1_790_000_000_000_000 + minutes * MINUTE_US;
  const rewound = { startUs: at(0), endUs: at(60), kind: 'rewound' } as const;
  const isStale = (heard: number, now: number, more: Parameters<typeof horizonOf>[2] = []) =>
    at(heard) < horizonOf(at(now), 600_000, [rewound, ...more]).atUs;

  test('nothing last heard before the end is stale until a whole threshold has passed since', () => {
    for (const heard of [-10_000_000, -60, 0, 30, 59]) {
      expect(isStale(heard, 69.9)).toBe(false);
      expect(isStale(heard, 70.1)).toBe(true);
    }
  });

  test('unobserved time after it does not count towards that threshold', () => {
    const outage = { startUs: at(65), endUs: at(90) };
    expect(isStale(-60, 94, [outage])).toBe(false);
    expect(isStale(-60, 96, [outage])).toBe(true);
  });
});
