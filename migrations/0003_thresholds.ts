import { type Kysely, sql } from 'kysely';

/** What the daemons agree on: the threshold in force, what it was before it was lowered, and which daemons are there. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One row, which every heartbeat reads and which changes only when the threshold does. In sweeper_state, updated by
  // each beat, an old snapshot let thousands of its versions pile up, and each heartbeat read them all.
  // `epoch` changes when a daemon finds that the database went back in time: an agent that sees another epoch in a
  // heartbeat's answer says its results again.
  await sql`
    CREATE TABLE sweeper_threshold (
      singleton      boolean NOT NULL DEFAULT true,
      stuck_after_ms bigint,
      epoch          text    NOT NULL DEFAULT gen_random_uuid()::text,
      CONSTRAINT sweeper_threshold_pkey PRIMARY KEY (singleton),
      CONSTRAINT sweeper_threshold_one_row CHECK (singleton),
      CONSTRAINT sweeper_threshold_positive CHECK (stuck_after_ms > 0)
    )`.execute(db);
  await sql`
    INSERT INTO sweeper_threshold (stuck_after_ms) SELECT stuck_after_ms FROM sweeper_state WHERE singleton`.execute(
    db,
  );

  // The threshold was lowered at this instant from so much: a row last heard before it is judged by the old threshold.
  await sql`
    CREATE TABLE sweeper_lowerings (
      lowered_at     timestamptz NOT NULL,
      stuck_after_ms bigint      NOT NULL,
      CONSTRAINT sweeper_lowerings_pkey PRIMARY KEY (lowered_at),
      CONSTRAINT sweeper_lowerings_positive CHECK (stuck_after_ms > 0)
    )`.execute(db);

  // One row for each daemon that has beaten of late: the longest of their thresholds is the one in force.
  await sql`
    CREATE TABLE sweeper_daemons (
      daemon_id      text        NOT NULL,
      stuck_after_ms bigint      NOT NULL,
      beat_at        timestamptz NOT NULL,
      CONSTRAINT sweeper_daemons_pkey PRIMARY KEY (daemon_id),
      CONSTRAINT sweeper_daemons_positive CHECK (stuck_after_ms > 0)
    ) WITH (fillfactor = 50)`.execute(db);

  // Why the time was unobserved. `unwatched`: no beat came. `clock_jump`: the database's clock leapt over it.
  // `rewound`: the database went back to gap_start, and every open row has its whole threshold anew.
  await sql`ALTER TABLE sweeper_gaps ADD COLUMN kind text NOT NULL DEFAULT 'unwatched'
    CONSTRAINT sweeper_gaps_kind_known CHECK (kind IN ('unwatched', 'clock_jump', 'rewound'))`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE sweeper_gaps DROP COLUMN kind`.execute(db);
  for (const table of ['sweeper_daemons', 'sweeper_lowerings', 'sweeper_threshold']) {
    await sql`DROP TABLE ${sql.table(table)}`.execute(db);
  }
}
