import { beforeAll, describe, expect, test } from '@jest/globals';
import { isRetryable, mayConcernOneRow } from '../../../src/db/sqlstate.ts';
import { statement } from '../../../src/db/statement.ts';
import { ledgerTables } from '../../../src/ledger/tables.ts';
import { becomeNode } from '../../support/citus-node.ts';
import { seedDelegation } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const plain = useDatabase({ fresh: true, replayed: false });
const node = useDatabase({ fresh: true, replayed: false });
const UNSUPPORTED = '0A000';

/** PostgreSQL refuses a lock of what is grouped, as Citus does what it cannot plan. */
const refused = (delegations: string) =>
  statement({ sql: `SELECT caller_id FROM ${delegations} GROUP BY caller_id FOR UPDATE` });
const touched = (delegations: string) => statement({ sql: `UPDATE ${delegations} SET updated_at = now()` });

beforeAll(async () => {
  for (const database of [plain, node]) {
    await seedDelegation(database, { delegationId: 'one', silentSeconds: 1 });
    await database.query(`
      CREATE FUNCTION raising() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'not supported' USING ERRCODE = '${UNSUPPORTED}'; END $$;
      CREATE TRIGGER raising BEFORE UPDATE OF updated_at ON delegations FOR EACH ROW EXECUTE FUNCTION raising()`);
  }
  await becomeNode(node);
});

describe.each([
  ['without Citus', plain],
  ['on a node', node],
] as const)('what the server does not support (0A000), %s,', (_, database) => {
  async function failure(make: typeof refused): Promise<unknown> {
    const db = database.db.withSchema('public');
    return make(ledgerTables(db).delegations)
      .run(db, {})
      .then(
        () => 'it was done',
        (err: unknown) => err,
      );
  }

  test('is never taken for the fault of a row, nor for what passes', async () => {
    const err = await failure(refused);
    expect(err).toMatchObject({ code: UNSUPPORTED });
    expect({ ofRow: mayConcernOneRow(err), passes: isRetryable(err) }).toEqual({ ofRow: false, passes: false });
  });

  test("is a row's where the row's own trigger raises it", async () => {
    const err = await failure(touched);
    expect(err).toMatchObject({ code: UNSUPPORTED });
    expect(mayConcernOneRow(err)).toBe(true);
  });
});
