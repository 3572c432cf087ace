import { expect, jest, test } from '@jest/globals';
import {
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  type RootOperationNode,
  sql,
  type UnknownRow,
} from 'kysely';
import { lastActivitiesStatement } from '../../../src/sweeper/on-time/statements/last-activities.ts';
import { StillnessWatch } from '../../../src/sweeper/on-time/stillness-watch.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ replayed: false });

/** Runs `act` when a row with this column arrives for the first time, before whoever asked for it has it. */
class AtFirstRow implements KyselyPlugin {
  readonly #column: string;
  #act: (() => Promise<void>) | null;

  constructor(column: string, act: () => Promise<void>) {
    this.#column = column;
    this.#act = act;
  }

  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    return node;
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    if (result.rows.some((row) => this.#column in row)) {
      const act = this.#act;
      this.#act = null;
      await act?.();
    }
    return result;
  }
}

test('a ledger whose sequence is locked is looked at by itself meanwhile, and the others rest', async () => {
  await database.query('CREATE SCHEMA other; CREATE SEQUENCE other.activity_logs_activity_id_seq');
  const watch = new StillnessWatch(database.db);
  const [still, locked] = ['public', 'other'].map((ledger) => watch.add(ledger));
  await watch.start();
  try {
    await waitFor('stillness', () => still!.settled !== null && locked!.settled !== null);
    const locking = await database.connect();
    await locking.query('BEGIN; ALTER SEQUENCE other.activity_logs_activity_id_seq RESTART');
    await waitFor('the other to be disturbed', () => locked!.settled === null);
    await waitFor('stillness of the first', () => still!.settled !== null);
    expect(locked!.settled).toBeNull();
    await locking.query('ROLLBACK');
    await locking.end();
  } finally {
    await watch.stop();
  }
});

test('a schema of somebody else cannot be read, and the others can', async () => {
  const role = `reader_${process.pid}`;
  await database.query(
    `CREATE SCHEMA foreign_one; CREATE SEQUENCE foreign_one.activity_logs_activity_id_seq; CREATE ROLE ${role}`,
  );
  await database.query(`GRANT SELECT, USAGE ON SEQUENCE activity_logs_activity_id_seq TO ${role}`);
  try {
    const readings = await database.db.transaction().execute(async (transaction) => {
      await sql`SET LOCAL ROLE ${sql.id(role)}`.execute(transaction);
      return lastActivitiesStatement().run(transaction, { ledgers: ['public', 'foreign_one', 'none'] });
    });
    expect(Object.fromEntries(readings.map(({ ledger, drawn }) => [ledger, drawn]))).toEqual({
      public: '0',
      foreign_one: null,
      none: null,
    });
  } finally {
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('nothing is settled while a delegation is being inserted in a transaction that began right after the mark', async () => {
  const writer = await database.connect();
  await writer.query('BEGIN');
  const isInserted = Promise.withResolvers<void>();
  const insert = async () => {
    await writer.query(`SELECT delegation_insert('late', 'caller', 'callee', 'task')`);
    isInserted.resolve();
  };
  const watch = new StillnessWatch(database.db.withPlugin(new AtFirstRow('transaction', insert)));
  const stillness = watch.add('public');
  const taken = jest.spyOn(stillness, 'take');
  await watch.start();
  try {
    await isInserted.promise;
    // This reading has not seen the insert, the next one does.
    const { length } = taken.mock.calls;
    await waitFor('readings', () => taken.mock.calls.length > length + 2);
    expect(stillness.settled).toBeNull();
    await writer.query('COMMIT');
    await waitFor('stillness', () => stillness.settled !== null);
  } finally {
    await watch.stop();
    await writer.end();
  }
});
