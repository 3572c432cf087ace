import { type Kysely, sql } from 'kysely';

/** What the sweeper keeps between sweeps, shared by its replicas and kept across their restarts. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One row for ever; see src/sweeper/state.ts for what each column means.
  await sql`
    CREATE TABLE sweeper_state (
      singleton         boolean     NOT NULL DEFAULT true,
      stuck_after_ms    bigint,
      beat_at           timestamptz,
      sweep_id          text,
      swept_at          timestamptz,
      storm_held_since  timestamptz,
      storm_released_at timestamptz,
      CONSTRAINT sweeper_state_pkey PRIMARY KEY (singleton),
      CONSTRAINT sweeper_state_one_row CHECK (singleton),
      CONSTRAINT sweeper_state_stuck_after_positive CHECK (stuck_after_ms > 0)
    ) WITH (fillfactor = 25)`.execute(db);
  await sql`INSERT INTO sweeper_state DEFAULT VALUES`.execute(db);

  // Time that no daemon observed: it does not count as an agent's silence.
  await sql`
    CREATE TABLE sweeper_gaps (
      gap_start timestamptz NOT NULL,
      gap_end   timestamptz NOT NULL,
      CONSTRAINT sweeper_gaps_pkey PRIMARY KEY (gap_end),
      CONSTRAINT sweeper_gaps_forward CHECK (gap_start < gap_end)
    )`.execute(db);

  // One row a sweep, for a day's figures at the cost of a day's sweeps and not of a day's delegations. The five callees
  // with most marks and the last few marks stand here, too: an index on activity_logs would cost every marked row.
  await sql`
    CREATE TABLE sweeper_sweeps (
      sweep_id      text        NOT NULL,
      started_at    timestamptz NOT NULL,
      trigger       text        NOT NULL,
      stuck         integer     NOT NULL,
      failed        integer     NOT NULL,
      poisoned      integer     NOT NULL,
      remaining     integer     NOT NULL,
      truncated     boolean     NOT NULL,
      held          boolean     NOT NULL,
      batches       integer     NOT NULL,
      duration_ms   bigint      NOT NULL,
      unobserved_ms bigint      NOT NULL,
      callees       jsonb       NOT NULL,
      marks         jsonb       NOT NULL,
      CONSTRAINT sweeper_sweeps_pkey PRIMARY KEY (sweep_id)
    )`.execute(db);
  await sql`CREATE INDEX sweeper_sweeps_started_at ON sweeper_sweeps (started_at)`.execute(db);

  // When a standing fault (a poisoned row, a held lock) was last logged, so that it is said once an hour by all replicas.
  await sql`
    CREATE TABLE sweeper_notices (
      kind       text        NOT NULL,
      subject    text        NOT NULL,
      noticed_at timestamptz NOT NULL,
      CONSTRAINT sweeper_notices_pkey PRIMARY KEY (kind, subject)
    )`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['sweeper_notices', 'sweeper_sweeps', 'sweeper_gaps', 'sweeper_state']) {
    await sql`DROP TABLE ${sql.table(table)}`.execute(db);
  }
}
