import type { TestDatabase } from '../support/database.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { seedFleet } from '../support/seed-fleet.ts';

/** Both so long that what is fresh stays fresh, and what is held stays held, however slow the machine is. */
const SILENT_SECONDS = 100_000;
export const STUCK_AFTER_MS = 90_000_000;

/** What keeps each sweep busy: a fleet, a poisoned row, one that another session keeps locked, and a storm to hold. */
export async function seedTrouble(database: Pick<TestDatabase, 'query' | 'connect'>): Promise<void> {
  await seedFleet(database, { rows: 100 });
  const poisoned = await seedDelegation(database, { deadlineSeconds: -5 });
  const locked = await seedDelegation(database, { deadlineSeconds: -5 });
  await seedFleet(database, { rows: 150, silentSeconds: SILENT_SECONDS });
  await database.query(`
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query(`
    CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id = '${poisoned}') EXECUTE FUNCTION poison()`);
  const holder = await database.connect();
  await holder.query(`BEGIN; SELECT FROM delegations WHERE delegation_id = '${locked}' FOR UPDATE`);
}
