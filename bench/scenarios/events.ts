import type { Bench } from '../bench.ts';
import { insertFleet, keepSeed, reseed } from '../data.ts';
import { type Findings, median, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { expectCount } from '../peers/peer.ts';
import { LogFile } from '../sink.ts';
import { sweepOnce } from '../sweeping.ts';
import { type Contestant, ratios, takeTurns } from '../turns.ts';

const ROUNDS = 5;
const QUEUE = 'listener';
const TYPE = 'delegation.stuck.v1';

/** What one subscriber to the marks costs the sweep: each mark writes a job of pg-boss's in its transaction. */
export async function eventsScenario({ template, load, quick }: Bench): Promise<Findings> {
  using sink = new LogFile();
  const rows = quick ? 20_000 : 100_000;
  await using database = await template.copy();
  await insertFleet(database, { rows, silentFromSeconds: 660, silentToSeconds: 4260 });
  await keepSeed(database);
  await database.query(`SELECT pgboss.create_queue($1, '{"policy": "key_strict_fifo"}')`, [QUEUE]);
  const contestant = (name: string, isSubscribed: boolean): Contestant => ({
    name,
    units: rows,
    prepare: async () => {
      await reseed(database);
      await database.query('TRUNCATE pgboss.job');
      await database.query('DELETE FROM pgboss.subscription');
      if (isSubscribed)
        await database.query('INSERT INTO pgboss.subscription (event, name) VALUES ($1, $2)', [TYPE, QUEUE]);
    },
    run: () => sweepOnce(database.db, sink.log),
    verify: () => verify(database, rows, isSubscribed ? rows : 0),
  });
  const rates = await takeTurns(load, ROUNDS, [contestant('without', false), contestant('with', true)]);
  const cpuUs = (name: string) => median(rates.get(name)!.serverCpuUs).toFixed(1);
  const size = `${rows.toLocaleString('en')} rows`;
  return {
    figures: [
      medianFigure(`sweep without a subscriber, ${size}`, 'rows/s', rates.get('without')!.perSecond),
      medianFigure(`sweep with one subscriber, ${size}`, 'rows/s', rates.get('with')!.perSecond, {
        note: `CPU a row: ${cpuUs('with')} us in PostgreSQL (without: ${cpuUs('without')})`,
      }),
      medianFigure('with / without', 'x', ratios(rates, 'with', 'without'), { limit: { atLeast: 0.6 } }),
    ],
  };
}

async function verify(database: LedgerDatabase, marks: number, events: number): Promise<void> {
  const [found] = await database.query<{ marked: number; published: number }>(`
    SELECT (SELECT count(*)::int FROM delegations WHERE status = 'stuck') AS marked,
      (SELECT count(DISTINCT data ->> 'id')::int FROM pgboss.job) AS published`);
  expectCount('the sweep', found!.marked, marks);
  expectCount("the sweep's events", found!.published, events);
}
