import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { limited } from '../../src/db/limited.ts';
import { setNode } from '../../src/db/node/nodes.ts';
import type { Database } from '../../src/db/schema.ts';
import { column, statement } from '../../src/db/statement.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { useCitusLedger } from './citus-ledger.ts';

const ledger = useCitusLedger();

test('a transaction has its limits on the node, too, which warns of nothing', async () => {
  const notices: (string | undefined)[] = [];
  const pool = new pg.Pool({ connectionString: ledger.url, max: 1 });
  pool.on('connect', (client) => void client.on('notice', ({ message }) => notices.push(message)));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }).withSchema(ledger.schema);
  setNode(db, ledger.schema, ledger.shards);
  const { sweeperState } = sweeperTables(db);
  const limits = statement({
    columns: {
      port: column.wholeNumber(`current_setting('port')`),
      statement: column.text(`current_setting('statement_timeout')`),
      lock: column.text(`current_setting('lock_timeout')`),
      idle: column.text(`current_setting('idle_in_transaction_session_timeout')`),
    },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperState}`,
  });
  try {
    const { port } = await ledger.node();
    expect(await limited(db, 1_234, (session) => limits.run(session, {}), { lockTimeoutMs: 77 })).toEqual([
      { port, statement: '1234ms', lock: '77ms', idle: '10s' },
    ]);
    expect(await limits.run(db, {})).toMatchObject([{ port, statement: '0', lock: '0', idle: '0' }]);
    expect(notices).toEqual([]);
  } finally {
    await db.destroy();
  }
});
