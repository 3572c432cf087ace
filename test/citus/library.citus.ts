import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Statement } from '../../src/db/statement.ts';
import { ledgerTables } from '../../src/ledger/tables.ts';
import { withClient } from '../support/server.ts';
import { useCitusLedger } from './citus-ledger.ts';

const ledger = useCitusLedger();
const folder = new URL('../../src/ledger/statements/', import.meta.url);

/** What listStatement has as a second argument. */
const LISTS = [null, 'stuck'].flatMap((status) =>
  [false, true].flatMap((byCaller) => [false, true].map((byCallee) => ({ status, byCaller, byCallee }))),
);

test('every statement of the library can be planned, as an agent sends it', async () => {
  const tables = ledgerTables(ledger.db);
  const refused: unknown[] = [];
  let planned = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const makers: Record<string, unknown> = await import(new URL(file, folder).href);
    for (const [name, make] of Object.entries(makers)) {
      if (!name.endsWith('Statement')) continue;
      const variants =
        name === 'listStatement' ? LISTS.map((list) => [list]) : name === 'activityStatement' ? [['ASC']] : [[]];
      for (const variant of variants) {
        const made = (make as (...args: unknown[]) => Statement<never, unknown>)(tables, ...variant);
        await withClient(ledger.url, async (client) => {
          await client.query(`PREPARE one AS ${made.sql}`);
          const nothing = made.parameters.map(() => 'NULL').join(', ');
          await client.query(`EXPLAIN EXECUTE one${nothing && `(${nothing})`}`);
        }).catch((err: Error) => refused.push({ name, message: err.message }));
        planned += 1;
      }
    }
  }
  expect(refused).toEqual([]);
  expect(planned).toBeGreaterThan(20);
});
