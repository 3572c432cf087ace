import type { Kysely } from 'kysely';
import { retryWhileLocked } from '../migration-retry.ts';
import type { Database } from '../schema.ts';
import { sqlstate, sqlstateOf } from '../sqlstate.ts';
import { constraintState, notValidated, validateConstraints } from './constraint.ts';
import { healInstants } from './heal-instants.ts';
import { onlineIndexes, replacedIndexes } from './indexes.ts';
import { buildOnline, dropOnline } from './online-index.ts';

/** Added by migration 0005, without reading the rows. */
const INSTANTS = 'delegations_instants_sound';
/** Replaced by migration 0006, likewise. Each row that the older ones accepted satisfies them. */
const REPLACED = {
  delegations: ['delegations_status_known', 'delegations_finished_when_terminal'],
  activity_logs: ['activity_logs_event_known', 'activity_logs_from_status_known', 'activity_logs_to_status_known'],
} as const;

/** Correcting skips locked rows, and an update may move a row to a page that was already read. */
const ROUNDS_MAX = 20;

/** Before the constraint is added: afterwards an agent that updates a row which violates it would be refused. */
export async function prepare(db: Kysely<Database>, schema: string, giveUpAfterMs: number): Promise<void> {
  if ((await constraintState(db, schema, INSTANTS)) === 'missing') await healInstants(db, schema, giveUpAfterMs);
}

/**
 * The work of migrations that grows with the table, which runs outside of their transactions. Idempotent: every
 * `migrate up` runs it, and finishes one that was interrupted.
 */
export async function finish(db: Kysely<Database>, schema: string, giveUpAfterMs: number): Promise<void> {
  for (let round = 1; (await constraintState(db, schema, INSTANTS)) === 'not_validated'; round += 1) {
    try {
      await validateConstraints(db, schema, 'delegations', [INSTANTS]);
    } catch (err) {
      if (sqlstateOf(err) !== sqlstate.checkViolation || round >= ROUNDS_MAX) throw err;
      await healInstants(db, schema, giveUpAfterMs);
    }
  }
  for (const index of onlineIndexes) await buildOnline(db, schema, index, giveUpAfterMs);
  for (const name of replacedIndexes) await retryWhileLocked(() => dropOnline(db, schema, name), giveUpAfterMs);
  for (const [table, constraints] of Object.entries(REPLACED)) {
    const names = await notValidated(db, schema, constraints);
    if (names.length > 0) await validateConstraints(db, schema, table, names);
  }
}
