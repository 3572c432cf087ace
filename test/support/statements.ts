import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { LedgerDb } from '../../src/db/schema.ts';
import type { Statement } from '../../src/db/statement.ts';
import { pgBossTables } from '../../src/jobs/pgboss-tables.ts';
import { terminalStatuses } from '../../src/ledger/transitions.ts';
import { ruleNames, rules } from '../../src/sweeper/pass/rules.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';

export type AnyStatement = Statement<never, unknown>;
type MakeStatement = (...args: never[]) => AnyStatement;

export interface NamedStatement {
  readonly name: string;
  readonly made: AnyStatement;
}

const src = fileURLToPath(new URL('../../src', import.meta.url));
/** Those that make statements, and a few that hold SQL for several. */
export const modules = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /(^|\/)statements\/[^/]+\.ts$/.test(file))
  .toSorted();

/** Modules that hold SQL for several statements and make none. */
export const fragments: readonly string[] = [
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
  markBatchStatement: andAttempts(() => rules.map((rule) => [rule, { someKnown: true, tasks: true }])),
  markAskedStatement: andAttempts(ofRules),
  markRowsStatement: andAttempts(ofRulesAndTasks),
  ofEachLedgerStatement: () => [['sweeper_beat'], ['sweeper_sweep_empty']],
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

/** Statements about many ledgers take their names. */
const tablesOf = (db: LedgerDb, module: string) =>
  /^sweeper\/rounds\//.test(module) ? ['public'] : tablesOfOne(db, module);

const tablesOfOne = (db: LedgerDb, module: string) =>
  /^(jobs|sweeper\/schedule|webhook)\//.test(module) ? pgBossTables('pgboss') : sweeperTables(db);

/** Every statement that a module makes, with every option of the table above. */
export async function statementsOf(db: LedgerDb, module: string): Promise<NamedStatement[]> {
  const exported: Record<string, unknown> = await import(pathToFileURL(path.join(src, module)).href);
  const makers = Object.entries(exported).filter((entry): entry is [string, MakeStatement] =>
    entry[0].endsWith('Statement'),
  );
  return makers.flatMap(([name, make]) => {
    if (make.length > 1 && !(name in options)) throw new Error(`${name} has options: add them to this test's table`);
    const variants = options[name]?.() ?? [[]];
    return variants.map((variant) => ({ name, made: make(...([tablesOf(db, module), ...variant] as never[])) }));
  });
}
