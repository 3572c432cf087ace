import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { partOf } from '../../../src/compose/part-of-rounds.ts';
import { databaseOn, openPool } from '../../../src/db/pool.ts';
import { pgBossTables } from '../../../src/jobs/pgboss-tables.ts';
import { Availability } from '../../../src/outage/availability.ts';
import { Looks } from '../../../src/sweeper/on-time/looks.ts';
import type { Look } from '../../../src/sweeper/on-time/next-step.ts';
import { OnTime } from '../../../src/sweeper/on-time/on-time.ts';
import { StillnessWatch } from '../../../src/sweeper/on-time/stillness-watch.ts';
import { Rounds } from '../../../src/sweeper/rounds/rounds.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import type { SweeperOptions } from '../../../src/sweeper/sweeper-options.ts';
import { capturedLog, seedDelegation, sweeperDefaults } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test', replayed: false });

/** Looks whose answer a test can keep on its way. */
class HeldLooks extends Looks {
  /** What each look that was answered said. */
  readonly found: ('open' | 'nothing open' | 'not asked')[] = [];
  held = 0;
  #until: Promise<void> | undefined;
  /** From then on looks are answered as they come. */
  answerAll: () => void = () => {};

  /** Looks that ask whether nothing is open are not answered any more. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    [this.#until, this.answerAll] = [promise, resolve];
  }

  override async look(asksEmpty?: boolean): Promise<Look> {
    const look = await super.look(asksEmpty);
    if (asksEmpty) {
      this.held += 1;
      await this.#until;
    }
    this.found.push(asksEmpty ? (look.isEmpty ? 'nothing open' : 'open') : 'not asked');
    return look;
  }
}

/** A daemon's part that looks at one ledger of many, which has been swept once. */
async function startOnTime(changes: Partial<SweeperOptions>) {
  const { log } = capturedLog();
  const { pool, close } = openPool({
    location: { url: database.url },
    max: 4,
    applicationName: 'resting',
    queryTimeoutMs: 60_000,
  });
  const db = databaseOn(pool, 'public');
  const watch = new StillnessWatch(db);
  const rounds = new Rounds({ db, pgBoss: { runner: db, tables: pgBossTables('pgboss') } });
  const { stillness, emptySweep } = partOf('public', db, log, { rounds, watch });
  const options = { ...sweeperDefaults, ...changes };
  const sweeper = new Sweeper(db, log, options);
  const looks = new HeldLooks(db, options);
  const service = new OnTime(looks, sweeper, new Availability(log), undefined, { stillness });
  await sweeper.sweep({ trigger: 'startup' });
  await watch.start();
  return {
    looks,
    stillness,
    emptySweep,
    /** Waits until nobody looks any more. */
    rests: () => waitFor('a rest', () => stillness.isResting),
    start: () => service.start(),
    async [Symbol.asyncDispose]() {
      looks.answerAll();
      await service.stop();
      await watch.stop();
      await close(1_000);
    },
  };
}

/** Records a delegation that is in progress. */
const IN_PROGRESS = `WITH begun AS (SELECT delegation_insert($1, 'caller', 'callee', 'task'))
  SELECT delegation_set_status($1, 'in_progress') FROM begun`;

test('a delegation that began while the ledger was at rest is marked when it is due, whenever its transaction ends', async () => {
  await using daemon = await startOnTime({ stuckAfterMs: 1_000 });
  await daemon.start();
  await daemon.rests();
  const looksAtRest = daemon.looks.found.length;
  const id = randomUUID();
  const writer = await database.connect();
  await writer.query('BEGIN');
  await writer.query(`SELECT delegation_insert('${id}', 'caller', 'callee', 'task')`);
  await writer.query(`SELECT delegation_set_status('${id}', 'in_progress')`);
  // It is looked at, and goes on being looked at, although nothing is open for anybody else.
  await waitFor('looks', () => daemon.looks.found.length > looksAtRest + 2);
  expect(daemon.stillness.isResting).toBe(false);
  await writer.query('COMMIT');
  await writer.end();
  await waitFor('the mark', async () => {
    const rows = await database.query(`SELECT FROM delegations WHERE delegation_id = $1 AND status = 'stuck'`, [id]);
    return rows.length > 0;
  });
  await daemon.rests();
});

test('what begins while the answer of a look is on its way is looked for, although all is still again when it comes', async () => {
  await using daemon = await startOnTime({});
  daemon.looks.hold();
  await daemon.start();
  await waitFor('a look that finds nothing open', () => daemon.looks.held > 0);
  const before = daemon.stillness.settled;
  await database.query(IN_PROGRESS, [randomUUID()]);
  await waitFor('stillness', () => daemon.stillness.settled !== null && daemon.stillness.settled !== before);
  daemon.looks.answerAll();
  // Who rested by what that look said would miss it.
  await waitFor('the delegation to be found', () => daemon.looks.found.includes('open'));
  expect(daemon.looks.found.find((found) => found !== 'not asked')).toBe('nothing open');
});

test('nobody rests while a delegation is open, also one that is due no more since the last sweep had to leave it', async () => {
  for (let count = 0; count < 2; count += 1) await seedDelegation(database, { deadlineSeconds: -60 });
  await using daemon = await startOnTime({ rowsMax: 1 });
  await daemon.start();
  await waitFor('looks', () => daemon.looks.found.filter((found) => found === 'open').length > 1);
  expect(daemon.stillness.isResting).toBe(false);
});

test('a row that came without an activity wakes who rests at the next tick, whose sweep finds it open', async () => {
  await using daemon = await startOnTime({});
  await daemon.start();
  await daemon.rests();
  expect(await daemon.emptySweep('cron')).toBe(true);
  expect(daemon.stillness.isResting).toBe(true);
  const replica = await database.connect();
  await replica.query('SET session_replication_role = replica');
  await replica.query(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, created_at, updated_at, revision)
     VALUES ('replicated', 'caller', 'callee', 'task', now(), now(), 1)`,
  );
  await replica.end();
  expect(daemon.stillness.isResting).toBe(true);
  expect(await daemon.emptySweep('cron')).toBe(false);
  await waitFor('it to be found', () => daemon.looks.found.includes('open'));
});
