import { type Kysely, sql } from 'kysely';

/**
 * An operator's own holds of the rules that infer silence: the one in force, if any, and the latest that have ended.
 *
 * A new table: no row of another one is read or rewritten.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // held_since  since when the rules are held: before made_at for a hold that replaced another one
  // made_by     the operator, as the command names him or her; made_role: the database role
  // ended_why   operator: released; expired: held_until passed; replaced: by a later hold
  // end_logged  a sweep has logged sweep.released; also true where there is nothing to log
  await sql`
    CREATE TABLE sweeper_holds (
      hold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      made_at timestamptz NOT NULL DEFAULT statement_timestamp(),
      held_since timestamptz NOT NULL,
      held_until timestamptz NOT NULL,
      reason text NOT NULL,
      made_by text NOT NULL,
      made_role text NOT NULL DEFAULT session_user,
      ended_at timestamptz,
      ended_why text,
      ended_by text,
      ended_role text,
      end_logged boolean NOT NULL DEFAULT false,
      CONSTRAINT sweeper_holds_reason_length CHECK (char_length(reason) BETWEEN 1 AND 200),
      CONSTRAINT sweeper_holds_made_by_length CHECK (char_length(made_by) BETWEEN 1 AND 200),
      CONSTRAINT sweeper_holds_ended_by_length CHECK (char_length(ended_by) BETWEEN 1 AND 200),
      -- Seven days. Hours, since a day is not always 24 of them.
      CONSTRAINT sweeper_holds_ends CHECK (held_until > made_at AND held_until <= made_at + interval '168 hours'),
      CONSTRAINT sweeper_holds_begins CHECK (held_since <= made_at),
      CONSTRAINT sweeper_holds_ended_why_known CHECK (ended_why IN ('operator', 'expired', 'replaced')),
      CONSTRAINT sweeper_holds_ended_whole CHECK ((ended_at IS NULL) = (ended_why IS NULL))
    )`.execute(db);
  // One at a time.
  await sql`CREATE UNIQUE INDEX sweeper_holds_open ON sweeper_holds ((true)) WHERE ended_at IS NULL`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP TABLE sweeper_holds`.execute(db);
}
