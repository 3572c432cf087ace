import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../../src/db/schema.ts';
import type { Micros } from '../../src/sweeper/instant.ts';
import { Marker } from '../../src/sweeper/pass/marker.ts';
import { RuleSweep } from '../../src/sweeper/pass/rule-sweep.ts';
import { type Rule, rules } from '../../src/sweeper/pass/rules.ts';
import { Unsettled } from '../../src/sweeper/pass/unsettled.ts';
import { type SweeperTables, sweeperTables } from '../../src/sweeper/tables.ts';
import type { TestDatabase } from './database.ts';
import { plainStaleness } from './plain-staleness.ts';
import type { Queryable } from './wait-for.ts';

export interface MarkRequest {
  readonly nowUs: Micros;
  readonly horizonUs: Micros;
  /** Other names for the sweeper's tables. */
  readonly tables?: Partial<SweeperTables>;
  /** Default: all in one batch. */
  readonly batchRowsMax?: number;
}

/** Applies one rule at instants of the test's choice, as a sweep that has just taken the lease. Returns what it marked. */
export async function mark(db: LedgerDb, scan: Rule['scan'], request: MarkRequest): Promise<string[]> {
  const { nowUs, horizonUs, batchRowsMax = 1000 } = request;
  const sweepId = randomUUID();
  await db.updateTable('sweeper_state').set({ sweep_id: sweepId }).execute();
  const ids: string[] = [];
  const tables = { ...sweeperTables(db), ...request.tables };
  const marker = new Marker(db, tables, rules.find((rule) => rule.scan === scan)!, new Unsettled(db, tables));
  const { err } = await new RuleSweep(marker).run({
    sweepId,
    nowUs,
    staleness: plainStaleness(horizonUs),
    batchRowsMax,
    rowsMax: 1000,
    limitMs: 30_000,
    suspects: [],
    someKnown: false,
    force: false,
    signal: new AbortController().signal,
    onMarked: (rows) => ids.push(...rows.map(({ delegationId }) => delegationId)),
    onUnpublished: ({ refused }) => {
      throw new Error(`not published: ${JSON.stringify(refused)}`);
    },
  });
  if (err !== null) throw err;
  return ids.toSorted();
}

/** The database's clock, and the horizon for a threshold of ten minutes. */
export async function instants(database: Queryable): Promise<{ nowUs: Micros; horizonUs: Micros }> {
  const [row] = await database.query<{ us: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::float8 AS us',
  );
  return { nowUs: row!.us, horizonUs: row!.us - 600_000_000 };
}

/**
 * Names of tables that make a marking statement stop after its snapshot is taken and before it locks a row:
 * reading the lease calls gate(), which waits, in a statement that updates. `hold` closes the gate and returns its opener.
 */
export async function gatedTables(database: Pick<TestDatabase, 'query' | 'connect'>) {
  await database.query(`CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
      IF current_query() ~ 'UPDATE' THEN PERFORM pg_advisory_xact_lock_shared(4242); END IF;
      RETURN true;
    END $$`);
  await database.query(
    'CREATE VIEW gated_state AS SELECT singleton, CASE WHEN gate() THEN sweep_id END AS sweep_id FROM sweeper_state',
  );
  return {
    tables: { sweeperState: '"gated_state"' },
    hold: async () => {
      const keeper = await database.connect();
      await keeper.query('SELECT pg_advisory_lock(4242)');
      return () => keeper.end();
    },
  };
}
