import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { spawnNode } from '../support/child.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const script = fileURLToPath(new URL('./sweep-many.ts', import.meta.url));

/** `npm run test:soak` sweeps 10,000 times, CI in a step of its own 1,000 times; `npm test` 250 times. */
const SWEEPS = Number(process.env.SOAK_SWEEPS ?? 250);
/** A kilobyte leaked per sweep would be ten megabytes after 10,000. */
const GROWTH_MAX_BYTES = 3 * 1024 ** 2;

test(`memory is flat over ${SWEEPS} sweeps, with a poisoned row, a locked one and a held storm`, async () => {
  await seedFleet(database, { rows: 100 });
  const poisoned = await seedDelegation(database, { deadlineSeconds: -5 });
  const locked = await seedDelegation(database, { deadlineSeconds: -5 });
  await seedFleet(database, { rows: 150, silentSeconds: 700 });
  await database.query(`
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query(`
    CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id = '${poisoned}') EXECUTE FUNCTION poison()`);
  const holder = await database.connect();
  await holder.query(`BEGIN; SELECT FROM delegations WHERE delegation_id = '${locked}' FOR UPDATE`);
  await using child = spawnNode(['--expose-gc', script, database.url, String(SWEEPS)]);
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(Number(child.stdoutLines.at(-1))).toBeLessThan(GROWTH_MAX_BYTES);
}, 600_000);
