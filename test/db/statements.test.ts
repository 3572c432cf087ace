import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { column, parameter, Statement, statement } from '../../src/db/statement.ts';
import { makeCitusCatalogue } from '../support/citus-catalogue.ts';
import { described } from '../support/described.ts';
import { type AnyStatement, fragments, modules, statementsOf } from '../support/statements.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ fresh: true });
let session: pg.Client;
beforeAll(async () => {
  await makeCitusCatalogue(database);
  session = await database.connect();
});
afterAll(() => session.end());

/** How the server's description differs from the declaration: empty when it does not. */
async function differences({ sql, parameters, columns }: AnyStatement): Promise<unknown> {
  const actual = await described(session, sql);
  const declared = {
    parameters: parameters.map(({ type }) => type),
    columns: Object.entries(columns).map(([name, { type }]) => ({ name, type })),
  };
  return JSON.stringify(actual) === JSON.stringify(declared) ? [] : [{ declared, actual }];
}

describe('each statement has the parameters and columns that it declares, as the server describes it', () => {
  test.each(modules)('%s', async (module) => {
    const statements = await statementsOf(database.db, module);
    expect({ module, makesNone: statements.length === 0 }).toEqual({ module, makesNone: fragments.includes(module) });
    for (const { name, made } of statements) {
      expect({ name, isStatement: made instanceof Statement }).toEqual({ name, isStatement: true });
      expect({ name, differences: await differences(made) }).toEqual({ name, differences: [] });
    }
  });
});

describe('a declaration is refuted by the server when', () => {
  test('a column has another type', async () => {
    const wrong = statement({
      columns: { n: column.text('count(*)') },
      sql: (columns) => `SELECT ${columns} FROM delegations`,
    });
    expect(await differences(wrong as AnyStatement)).toEqual([
      {
        declared: { parameters: [], columns: [{ name: 'n', type: 'text' }] },
        actual: { parameters: [], columns: [{ name: 'n', type: 'bigint' }] },
      },
    ]);
  });

  test('a column is missing', async () => {
    const wrong = statement({
      columns: { id: column.text('delegation_id'), status: column.text('status') },
      sql: 'SELECT delegation_id AS "id" FROM delegations',
    });
    expect(await differences(wrong as AnyStatement)).not.toEqual([]);
  });

  test('a parameter has another type', async () => {
    const wrong = statement({
      parameters: { id: { ...parameter.text, type: 'integer', expression: (placeholder: string) => placeholder } },
      sql: 'SELECT FROM delegations WHERE delegation_id = $id',
    });
    expect(await differences(wrong as AnyStatement)).toEqual([
      { declared: { parameters: ['integer'], columns: [] }, actual: { parameters: ['text'], columns: [] } },
    ]);
  });

  test('a table or a column does not exist', async () => {
    const wrong = statement({ sql: 'SELECT FROM delegations WHERE no_such_column' });
    await expect(differences(wrong as AnyStatement)).rejects.toMatchObject({ code: '42703' });
    // The session is as usable as before.
    expect(await differences(statement({ sql: 'SELECT FROM delegations' }) as AnyStatement)).toEqual([]);
  });
});
