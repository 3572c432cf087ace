import { type Kysely, sql } from 'kysely';

/** What the storm guard remembers from one sweep to the next, beside the beginning and the end of a hold. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // storm_forming_since      since when there are signs of a storm; storm_held_since is since when it keeps rows back
  // storm_released_why       calm: what stayed silent is marked; max_hold: a share of it a sweep
  // storm_partial_since      since when a part of the fleet has been heard all the while
  // storm_came_back, _at     rows that came back since the hold began, and when some last did
  // storm_watched, _before, _at  so many rows were last heard before the one instant and not overdue at the other
  //
  // No rewrite: the only default is a constant, and the table has one row.
  await sql`
    ALTER TABLE sweeper_state
      ADD COLUMN storm_forming_since timestamptz,
      ADD COLUMN storm_released_why text,
      ADD COLUMN storm_partial_since timestamptz,
      ADD COLUMN storm_came_back bigint NOT NULL DEFAULT 0,
      ADD COLUMN storm_came_back_at timestamptz,
      ADD COLUMN storm_watched bigint NOT NULL DEFAULT 0,
      ADD COLUMN storm_watched_before timestamptz,
      ADD COLUMN storm_watched_at timestamptz,
      ADD CONSTRAINT sweeper_state_storm_released_why_known CHECK (storm_released_why IN ('calm', 'max_hold'))`.execute(
    db,
  );
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    ALTER TABLE sweeper_state
      DROP COLUMN storm_forming_since,
      DROP COLUMN storm_released_why,
      DROP COLUMN storm_partial_since,
      DROP COLUMN storm_came_back,
      DROP COLUMN storm_came_back_at,
      DROP COLUMN storm_watched,
      DROP COLUMN storm_watched_before,
      DROP COLUMN storm_watched_at`.execute(db);
}
