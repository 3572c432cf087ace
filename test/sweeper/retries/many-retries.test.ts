import { expect, test } from '@jest/globals';
import { ManyRetries, type RetryRow } from '../../../src/sweeper/retries/many-retries.ts';
import { seedDelegation } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

/** Which have which outcome, up to the end or the error. */
async function outcomesOf(pages: AsyncGenerator<readonly RetryRow[]>) {
  const outcomes: string[] = [];
  try {
    for await (const page of pages) outcomes.push(...page.map(({ retryOf, outcome }) => `${retryOf} ${outcome}`));
    return { outcomes, err: null };
  } catch (err) {
    return { outcomes, err };
  }
}

test('what a callee left is what it was when it was selected, whatever fails afterwards', async () => {
  const fails = (delegationId: string) =>
    seedDelegation(database, { delegationId, status: 'failed', calleeId: 'coder' });
  await fails('before');
  const retries = new ManyRetries(database.db);
  const selection = await retries.ofCallee('coder', 3_600_000);
  await fails('after');
  expect(await outcomesOf(retries.rehearse(selection))).toEqual({ outcomes: ['before inserted'], err: null });
  expect(await outcomesOf(retries.retry(selection, 'test'))).toEqual({ outcomes: ['before inserted'], err: null });
});

test('where the connection breaks inside a batch, what was done before is said, and then the error', async () => {
  const ids = ['a', 'b', 'c', 'd'];
  for (const id of ids) await seedDelegation(database, { delegationId: id, status: 'stuck' });
  await database.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.retry_of = 'b' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'P0666'; END IF;
      IF NEW.retry_of = 'c' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
      RETURN NEW; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()`);
  const { outcomes, err } = await outcomesOf(new ManyRetries(database.db).retry({ by: 'ids', ids }, 'test'));
  expect(outcomes).toEqual(['a inserted', 'b failed']);
  expect(err).toBeInstanceOf(Error);
  expect(await database.query('SELECT retry_of FROM delegations WHERE retry_of IS NOT NULL')).toEqual([
    { retry_of: 'a' },
  ]);
});
