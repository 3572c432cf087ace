import { type Kysely, sql } from 'kysely';

/**
 * What the advice about thresholds rests on, kept by the daemon: counts per callee and day.
 *
 * New tables: no row of another one is read or rewritten.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // callee_id   empty: the callees of that day that have no row of their own
  // started     delegations that entered in_progress
  // sampled     of these, those that were followed to their end
  // own         of the followed ones, those with a threshold of their own; the shortest and the longest of these
  //
  // The histograms are objects, {"<bucket>": count}; src/sweeper/advice/buckets.ts says how wide a bucket is.
  //
  // gaps        times between two signs of life of the followed ones
  // longest     the longest of these, one per delegation
  // detected    silences at which a sweep marked a delegation stuck, of all of them
  await sql`
    CREATE TABLE sweeper_advice (
      day        date   NOT NULL,
      callee_id  text   COLLATE "C" NOT NULL,
      started    bigint NOT NULL DEFAULT 0,
      sampled    bigint NOT NULL DEFAULT 0,
      own        bigint NOT NULL DEFAULT 0,
      own_min_ms bigint,
      own_max_ms bigint,
      gaps       jsonb  NOT NULL DEFAULT '{}',
      longest    jsonb  NOT NULL DEFAULT '{}',
      detected   jsonb  NOT NULL DEFAULT '{}',
      CONSTRAINT sweeper_advice_pkey PRIMARY KEY (day, callee_id)
    ) WITH (fillfactor = 50)`.execute(db);

  // since     marks are counted from this instant on
  // followed  what a daemon that stopped was following, for the next one; NULL: nothing
  await sql`
    CREATE TABLE sweeper_advice_state (
      singleton boolean     NOT NULL DEFAULT true,
      since     timestamptz NOT NULL DEFAULT clock_timestamp(),
      followed  jsonb,
      CONSTRAINT sweeper_advice_state_pkey PRIMARY KEY (singleton),
      CONSTRAINT sweeper_advice_state_one_row CHECK (singleton)
    )`.execute(db);
  await sql`INSERT INTO sweeper_advice_state DEFAULT VALUES`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP TABLE sweeper_advice_state`.execute(db);
  await sql`DROP TABLE sweeper_advice`.execute(db);
}
