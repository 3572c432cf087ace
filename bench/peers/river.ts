import type { Bench } from '../bench.ts';
import { expectCount, type Peer } from './peer.ts';

const BATCH = 1000;

/** The columns, and the indexes that an update must maintain, as River documents its job table. */
const TABLE = `
CREATE TYPE river_state AS ENUM ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
CREATE TABLE river_jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state river_state NOT NULL, attempt smallint NOT NULL,
  max_attempts smallint NOT NULL, attempted_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(),
  finalized_at timestamptz, scheduled_at timestamptz NOT NULL DEFAULT now(), priority smallint NOT NULL DEFAULT 1,
  args jsonb NOT NULL, attempted_by text[], errors jsonb[], kind text NOT NULL, metadata jsonb NOT NULL DEFAULT '{}',
  queue text NOT NULL DEFAULT 'default', tags text[] NOT NULL DEFAULT '{}');
CREATE INDEX ON river_jobs (kind);
CREATE INDEX ON river_jobs (state, finalized_at) WHERE finalized_at IS NOT NULL;
CREATE INDEX ON river_jobs (state, queue, priority, scheduled_at, id);
CREATE INDEX ON river_jobs USING gin (args);
CREATE INDEX ON river_jobs USING gin (metadata);`;

/**
 * River's rescuer, by its documented behaviour: read a batch of jobs that have been running for too long, decide on each
 * in the process, then update them all from arrays, appending an error to each; repeat while a batch is full.
 * Written for this comparison, in Node: its share in Go would be smaller.
 */
export async function river({ template }: Bench, jobs: number): Promise<Peer> {
  const database = await template.copy();
  await database.query(TABLE);
  return {
    name: 'River rescuer',
    units: jobs,
    async prepare() {
      await database.query('TRUNCATE river_jobs');
      await database.query(
        `INSERT INTO river_jobs (state, attempt, max_attempts, attempted_at, args, kind, attempted_by)
         SELECT 'running', 1, 25, now() - interval '2 hours', '{"callee": "callee-1"}', 'call', '{dead-client}'
         FROM generate_series(1, $1::int)`,
        [jobs],
      );
      await database.query('VACUUM (ANALYZE) river_jobs');
    },
    async run() {
      const horizon = new Date(Date.now() - 3_600_000);
      for (;;) {
        const stuck = await database.query<{ id: string; attempt: number; max_attempts: number }>(
          `SELECT * FROM river_jobs WHERE state = 'running' AND attempted_at < $1 ORDER BY id LIMIT ${BATCH}`,
          [horizon],
        );
        const now = new Date();
        await database.query(
          `UPDATE river_jobs j SET errors = array_append(j.errors, v.error), finalized_at = v.finalized_at,
             scheduled_at = v.scheduled_at, state = v.state::river_state
           FROM unnest($1::bigint[], $2::jsonb[], $3::timestamptz[], $4::timestamptz[], $5::text[])
             AS v (id, error, finalized_at, scheduled_at, state)
           WHERE j.id = v.id`,
          [
            stuck.map(({ id }) => id),
            stuck.map(({ attempt }) => JSON.stringify({ at: now, attempt, error: 'rescued', trace: '' })),
            stuck.map(({ attempt, max_attempts }) => (attempt < max_attempts ? null : now)),
            stuck.map(({ attempt }) => new Date(now.getTime() + attempt ** 4 * 1000)),
            stuck.map(({ attempt, max_attempts }) => (attempt < max_attempts ? 'retryable' : 'discarded')),
          ],
        );
        if (stuck.length < BATCH) return;
      }
    },
    async verify() {
      const [row] = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM river_jobs WHERE state = 'retryable'`,
      );
      expectCount('River', row!.n, jobs);
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
