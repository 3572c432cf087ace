import type { LedgerDb } from '../db/schema.ts';
import { type Profile, profiles } from './expected/rights.ts';
import { type HeldNeed, needsOf, type Schemas } from './needs.ts';
import { privilegesStatement } from './statements/privileges.ts';

/** For each kind of role, which of its rights the role that asks has. @throws the database's error. */
export async function heldNeeds(db: LedgerDb, schemas: Schemas): Promise<Record<Profile, HeldNeed[]>> {
  const held = {} as Record<Profile, HeldNeed[]>;
  for (const profile of profiles) {
    held[profile] = await privilegesStatement().run(db, { needs: needsOf(profile, schemas) });
  }
  return held;
}
