import type { Bench } from '../bench.ts';
import { expectCount, type Peer } from './peer.ts';

/** The columns, and the indexes that an update must maintain, as Oban documents its job table. */
const TABLE = `
CREATE TYPE oban_state AS ENUM ('available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');
CREATE TABLE oban_jobs (
  id bigserial PRIMARY KEY, state oban_state NOT NULL DEFAULT 'available', queue text NOT NULL DEFAULT 'default',
  worker text NOT NULL, args jsonb NOT NULL DEFAULT '{}', errors jsonb[] NOT NULL DEFAULT '{}',
  attempt integer NOT NULL DEFAULT 0, max_attempts integer NOT NULL DEFAULT 20, inserted_at timestamp NOT NULL DEFAULT now(),
  scheduled_at timestamp NOT NULL DEFAULT now(), attempted_at timestamp, completed_at timestamp, attempted_by text[],
  discarded_at timestamp, cancelled_at timestamp, priority integer NOT NULL DEFAULT 0, tags text[] DEFAULT '{}',
  meta jsonb DEFAULT '{}');
CREATE INDEX ON oban_jobs (state, queue, priority, scheduled_at, id);
CREATE INDEX ON oban_jobs USING gin (args);
CREATE INDEX ON oban_jobs USING gin (meta);`;

/**
 * Oban's Lifeline, by its documented behaviour: jobs that have been executing for longer than `rescue_after` become
 * available again, or discarded when their attempts are used up. It judges by time only, all at once, without reading first.
 */
export async function oban({ template }: Bench, jobs: number): Promise<Peer> {
  const database = await template.copy();
  await database.query(TABLE);
  return {
    name: 'Oban Lifeline',
    units: jobs,
    async prepare() {
      await database.query('TRUNCATE oban_jobs');
      await database.query(
        `INSERT INTO oban_jobs (state, worker, args, attempt, attempted_at, attempted_by)
         SELECT 'executing', 'Call', '{"callee": "callee-1"}', 1, now() - interval '2 hours', '{dead-node}'
         FROM generate_series(1, $1::int)`,
        [jobs],
      );
      await database.query('VACUUM (ANALYZE) oban_jobs');
    },
    async run() {
      const client = await database.pool.connect();
      try {
        await client.query('BEGIN');
        const orphaned = `state = 'executing' AND attempted_at < now() - interval '1 hour'`;
        await client.query(
          `UPDATE oban_jobs SET state = 'available' WHERE ${orphaned} AND attempt < max_attempts RETURNING id, queue`,
        );
        await client.query(
          `UPDATE oban_jobs SET state = 'discarded', discarded_at = now() WHERE ${orphaned} AND attempt >= max_attempts
           RETURNING id, queue`,
        );
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    },
    async verify() {
      const [row] = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM oban_jobs WHERE state = 'available'`,
      );
      expectCount('Oban', row!.n, jobs);
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
