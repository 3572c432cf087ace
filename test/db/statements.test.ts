import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { column, parameter, Statement, statement } from '../../src/db/statement.ts';
import { pgBossTables } from '../../src/jobs/pgboss-tables.ts';
import { terminalStatuses } from '../../src/ledger/transitions.ts';
import { ruleNames, rules } from '../../src/sweeper/pass/rules.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { makeCitusCatalogue } from '../support/citus-catalogue.ts';
import { described } from '../support/described.ts';
import { useDatabase } from '../support/use-database.ts';

type AnyStatement = Statement<never, unknown>;
type MakeStatement = (...args: never[]) => AnyStatement;

const database = useDatabase({ fresh: true });
let session: pg.Client;
beforeAll(async () => {
  await makeCitusCatalogue(database);
  session = await database.connect();
});
afterAll(() => session.end());

const src = fileURLToPath(new URL('../../src', import.meta.url));
const modules = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /(^|\/)statements\/[^/]+\.ts$/.test(file))
  .toSorted();

/** Modules that hold SQL for several statements and make none. */
const fragments: readonly string[] = [
  'db/node/statements/run-on-node.ts',
  'housekeeping/retention/statements/due.ts',
  'ledger/statements/transition.ts',
  'sweeper/advice/statements/window.ts',
  'sweeper/hold/statements/held.ts',
  'sweeper/pass/statements/held-rule.ts',
  'sweeper/pass/statements/lease-id.ts',
  'sweeper/pass/statements/marking.ts',
  'sweeper/pass/statements/named-row.ts',
  'sweeper/pass/statements/places.ts',
  'sweeper/pass/statements/poisoned.ts',
  'sweeper/pass/statements/retried.ts',
  'sweeper/pass/statements/tasks.ts',
  'sweeper/schedule/statements/ahead.ts',
  'sweeper/standing-faults/statements/session-columns.ts',
  'sweeper/status/statements/recent-sweeps.ts',
  'sweeper/status/statements/silence.ts',
  'sweeper/storm/statements/countable.ts',
];

const ofEnds = () => terminalStatuses.map((status) => [status]);
const ofRules = () => rules.map((rule) => [rule]);
const ofRulesSparing = () =>
  rules.flatMap((rule) => [[rule], [rule, { someKnown: true }], [rule, { someKnown: true, tasks: true }]]);
const ofRulesAndTasks = () => rules.flatMap((rule) => [false, true].map((tasks) => [rule, { tasks }]));
/** Without and with trying again. */
const andAttempts = (variants: () => readonly (readonly unknown[])[]) => () =>
  variants().flatMap((variant) => [variant, [...variant, 3]]);

/** What stands behind the tables among the arguments of those statements that have options. */
const options: Readonly<Record<string, () => readonly (readonly unknown[])[]>> = {
  activityStatement: () => [['ASC'], ['DESC']],
  batchKeysStatement: ofRulesSparing,
  countDelegationsStatement: ofEnds,
  dueDelegationsStatement: ofEnds,
  listStatement: () =>
    [null, 'stuck'].flatMap((status) =>
      [false, true].flatMap((byCaller) => [false, true].map((byCallee) => [{ status, byCaller, byCallee }])),
    ),
  lockedRowsStatement: ofRules,
  ofEachLedgerStatement: () => [['sweeper_beat'], ['sweeper_sweep_empty']],
  markBatchStatement: andAttempts(() => rules.map((rule) => [rule, { someKnown: true, tasks: true }])),
  markAskedStatement: andAttempts(ofRules),
  markRowsStatement: andAttempts(ofRulesAndTasks),
  retriableStatement: () => [[3]],
  lastOfStatement: () => [['delegation.probed']],
  matchingStatement: ofRulesAndTasks,
  planStatement: ofRulesSparing,
  rowCountStatement: () => [['delegations'], ['activityLogs']],
  rankStatement: ofRulesAndTasks,
  poisonedCountStatement: () => ruleNames.map((name) => [name]),
  takeAnswerStatement: ofRules,
  taskSuspectsStatement: ofRulesSparing,
};

const tablesOf = (module: string) => (/^sweeper\/rounds\//.test(module) ? ['public'] : singleTablesOf(module));
const singleTablesOf = (module: string) =>
  /^(jobs|sweeper\/schedule|webhook)\//.test(module) ? pgBossTables('pgboss') : sweeperTables(database.db);

/** Every statement that a module makes, with every option of the table above. */
async function statementsOf(module: string): Promise<{ name: string; made: AnyStatement }[]> {
  const exported: Record<string, unknown> = await import(pathToFileURL(path.join(src, module)).href);
  const makers = Object.entries(exported).filter((entry): entry is [string, MakeStatement] =>
    entry[0].endsWith('Statement'),
  );
  return makers.flatMap(([name, make]) => {
    if (make.length > 1 && !(name in options)) throw new Error(`${name} has options: add them to this test's table`);
    const variants = options[name]?.() ?? [[]];
    return variants.map((variant) => ({ name, made: make(...([tablesOf(module), ...variant] as never[])) }));
  });
}

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
    const statements = await statementsOf(module);
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
