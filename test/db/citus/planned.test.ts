import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { ledgerTableNames } from '../../../src/db/citus/placement.ts';
import { setNode } from '../../../src/db/node/nodes.ts';
import { runOnNode } from '../../../src/db/node/statements/run-on-node.ts';
import type { LedgerDb } from '../../../src/db/schema.ts';
import { makeCitusCatalogue } from '../../support/citus-catalogue.ts';
import { type Hazard, hazards, type Planned, planned } from '../../support/citus-hazards.ts';
import { shardsOf } from '../../support/citus-node.ts';
import { type AnyStatement, modules, type NamedStatement, statementsOf } from '../../support/statements.ts';
import { useDatabase } from '../../support/use-database.ts';

interface Exception {
  readonly why: string;
  /** Whether a statement that Citus itself plans may have it. */
  readonly mayBePlanned: boolean;
  readonly statements: readonly string[];
}

/** What is on Citus's list, and sent nevertheless. A statement that is not named here has none of it. */
const exceptions: Readonly<Record<Hazard, Exception>> = {
  volatile: {
    why: 'sweeper_run runs it on the node, where Citus does not plan it, and where the clock is read that judges',
    mayBePlanned: false,
    statements: [
      'agreeStatement',
      'beatStatement',
      'beginBatchStatement',
      'claimUnhealableStatement',
      'dateLoweringStatement',
      'futureHeartbeatsStatement',
      'futureSpecialRowsStatement',
      'futureStateStatement',
      'lostStampsStatement',
      'markAskedStatement',
      'markBatchStatement',
      'markRowsStatement',
      'sweepRecordStatement',
      'takeAnswerStatement',
      'takeLeaseAfterStatement',
      'takeLeaseStatement',
    ],
  },
  insert_beside_update: {
    why: 'sweeper_run runs it on the node, where it is one statement of PostgreSQL, and nothing is fetched between its parts',
    mayBePlanned: false,
    statements: [
      'agreeStatement',
      'beatStatement',
      'futureStateStatement',
      'markAskedStatement',
      'markBatchStatement',
      'markRowsStatement',
      'sweepRecordStatement',
    ],
  },
  id_not_repeated: {
    why: 'sweeper_run runs it on the node. Rows that are locked are found by their place; tables of one row have no id',
    mayBePlanned: false,
    statements: ['beatStatement', 'markAskedStatement', 'markBatchStatement', 'markRowsStatement'],
  },
  order_of_ids: {
    why: 'ids rise wherever they are drawn, also after a move (history.test.ts), and a clock that is set back does not change their order',
    mayBePlanned: true,
    statements: [
      'activityStatement',
      'asymmetriesStatement',
      'countActivityStatement',
      'dueActivityStatement',
      'endStatement',
      'falseMarksStatement',
      'foreignWritersStatement',
      'historyStatement',
      'lastOfStatement',
      'lateResultsStatement',
      'markAskedStatement',
      'markBatchStatement',
      'markRowsStatement',
      'publishAnswerStatement',
      'removeActivityStatement',
      'sampleStatement',
      'streamPlaceStatement',
      'suspectActivitiesStatement',
      'suspectRowsStatement',
      'sweepCandidatesStatement',
      'taskSuspectsStatement',
      'watchedIdsStatement',
      'watchedStreamStatement',
    ],
  },
};

const database = useDatabase({ fresh: true });
let session: pg.Client;
let db: LedgerDb;
beforeAll(async () => {
  await makeCitusCatalogue(database);
  session = await database.connect();
  db = database.db.withSchema('public');
  setNode(db, 'public', shardsOf);
});
afterAll(() => session.end());

/** What is sent to a database whose ledger is on a node; null: the statement as it is. */
const callOf = (made: AnyStatement) =>
  runOnNode(db, made, { sql: made.sql, parameters: made.parameters.map(() => null) });

const nothing: Planned = { hazards: [], tables: [] };

/** A lock of a table has no plan. */
const read = ({ sql, parameters }: AnyStatement): Promise<Planned> | Planned =>
  /^\s*LOCK TABLE/.test(sql) ? nothing : planned(session, sql, parameters.length);

const isSeen = (hazard: Hazard, { hazards: found }: Planned) => found.includes(hazard);
/** The library's process does not look for Citus: its statements are sent as they are. */
const isOfLibrary = (module: string) => module.startsWith('ledger/');
const unmapped = new RegExp(`"(?:${ledgerTableNames.join('|')})"|pgboss|\\$[1-9]\\d*(?!\\])`);

/** Of the statements about the ledger's tables. The variants of one count as one, which has what any of them has. */
async function byName(statements: readonly NamedStatement[]): Promise<Record<string, readonly Hazard[]>> {
  const found: Record<string, readonly Hazard[]> = {};
  for (const { name, made } of statements) {
    const reading = callOf(made) === null ? nothing : await read(made);
    found[name] = hazards.filter((hazard) => isSeen(hazard, reading) || found[name]?.includes(hazard));
  }
  return found;
}

const excepted = (name: string) => hazards.filter((hazard) => exceptions[hazard].statements.includes(name));

describe('each statement is sent to the node, names no table of the ledger, or is one that Citus can plan', () => {
  test.each(modules)('%s', async (module) => {
    const statements = await statementsOf(db, module);
    const found = await byName(statements);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, excepted(name)])));
    for (const { name, made } of statements) {
      const call = callOf(made);
      if (call === null) {
        const { tables } = await read(made);
        expect({ name, tables: tables.filter((table) => ledgerTableNames.includes(table)) }).toEqual({
          name,
          tables: [],
        });
        continue;
      }
      // What runs there has the node's names throughout, and its values from the array.
      const [text] = call.parameters as [string];
      expect({ name, left: unmapped.exec(text.replaceAll(/\(\$1\)\[\d+\]/g, ''))?.[0] }).toEqual({ name });
      if (!isOfLibrary(module)) continue;
      const refused = excepted(name).filter((hazard) => !exceptions[hazard].mayBePlanned);
      expect({ name, refused }).toEqual({ name, refused: [] });
    }
  });
});

test('each exception names a statement that there is', async () => {
  const names = new Set<string>();
  for (const module of modules) for (const { name } of await statementsOf(db, module)) names.add(name);
  const unknown = Object.values(exceptions).flatMap(({ statements }) => statements.filter((name) => !names.has(name)));
  expect(unknown).toEqual([]);
});

describe('a statement is found to have', () => {
  const d = '"public"."delegations"';
  const a = '"public"."activity_logs"';
  const insert = `INSERT INTO ${a} (delegation_id, event, actor) SELECT m.delegation_id, 'x', 'y' FROM moved m`;

  test.each<[Hazard, string]>([
    ['volatile', `UPDATE ${d} SET updated_at = clock_timestamp() WHERE delegation_id = 'a'`],
    ['volatile', `WITH moved AS (UPDATE ${d} SET revision = 1 RETURNING random() AS r) SELECT r FROM moved`],
    [
      'volatile',
      `INSERT INTO "public"."sweeper_gaps" (gap_start, gap_end) SELECT last_heartbeat, clock_timestamp() FROM ${d}`,
    ],
    ['insert_beside_update', `WITH moved AS (UPDATE ${d} SET revision = 1 RETURNING delegation_id) ${insert}`],
    [
      'id_not_repeated',
      `WITH moved AS (UPDATE ${d} SET revision = 1 RETURNING revision) SELECT FROM moved m JOIN ${d} d ON d.revision = m.revision`,
    ],
    ['order_of_ids', `SELECT event FROM ${a} WHERE delegation_id = 'a' ORDER BY activity_id DESC LIMIT 1`],
  ])('%s: %s', async (hazard, sql) => {
    expect((await planned(session, sql, 0)).hazards).toContain(hazard);
  });

  test.each([
    `UPDATE ${d} SET updated_at = now() WHERE delegation_id = 'a'`,
    `WITH moved AS (UPDATE ${d} SET revision = 1 RETURNING delegation_id)
     SELECT FROM moved m JOIN ${d} d ON d.delegation_id = m.delegation_id`,
    `SELECT clock_timestamp(), event FROM ${a} ORDER BY created_at`,
  ])('nothing of it: %s', async (sql) => {
    expect((await planned(session, sql, 0)).hazards).toEqual([]);
  });
});
