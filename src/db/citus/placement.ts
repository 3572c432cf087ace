import { identifier } from '../identifier.ts';
import { literal } from '../literal.ts';
import { setNode } from '../node/nodes.ts';
import type { Shards } from '../node/on-node.ts';
import type { LedgerDb } from '../schema.ts';
import { citusStatement, placedTablesStatement } from './statements/placed-tables.ts';

/** Where the ledger's tables are. `shards`: the number behind the name of each table on the node that has it. */
export type Placement =
  | { readonly kind: 'plain' }
  | { readonly kind: 'distributed'; readonly shards: Shards }
  | { readonly kind: 'unsupported'; readonly faults: readonly [PlacementFault, ...PlacementFault[]] };

/** What is wrong with it, and what to do: SQL for the coordinator, or words. */
export interface PlacementFault {
  readonly kind: 'too_old' | 'not_the_coordinator' | 'by_rows' | 'one_by_one' | 'incomplete' | 'pgboss';
  readonly what: string;
  readonly remedy: string;
}

export const PLACEMENT_REQUIRED = 'all tables of the ledger ordinary ones, or its whole schema distributed by Citus';

export interface PlacementReading {
  readonly isThere: boolean;
  readonly knowsSchemas: boolean;
  readonly tables: readonly PlacedTable[];
}

export type PlacedTable = Awaited<ReturnType<ReturnType<typeof placedTablesStatement>['run']>>[number];

export interface Schemas {
  readonly dbSchema: string;
  /** Absent: only the ledger is looked at. */
  readonly pgbossSchema?: string;
}

/** The ledger's own tables: a schema may have an application's as well. */
export const ledgerTableNames: readonly string[] = [
  'a2a_tasks',
  'activity_logs',
  'delegation_sweeper_migrations',
  'delegation_sweeper_migrations_lock',
  'delegations',
  'sweeper_advice',
  'sweeper_advice_state',
  'sweeper_daemons',
  'sweeper_gaps',
  'sweeper_holds',
  'sweeper_lowerings',
  'sweeper_notices',
  'sweeper_retention',
  'sweeper_state',
  'sweeper_sweeps',
  'sweeper_threshold',
];

/** What `migrate up` adds in a distributed schema: on which node the ledger was when it last drew an id. */
export const NODE_TABLE = 'delegation_node';

/** Those with an identity column, which Citus refuses to make ordinary again. */
const IDENTITY_TABLES = ['activity_logs', 'sweeper_holds'];

/** Citus, from which release on it has distributed schemas. */
const CITUS_MIN = 12;

/**
 * On PostgreSQL without Citus it is one probe of the catalogue. From then on the statements about a distributed ledger
 * that are sent to this database go to its node. @throws the database's error.
 */
export async function readPlacement(db: LedgerDb, schemas: Schemas): Promise<Placement> {
  const placement = await placementOf(db, schemas);
  setNode(db, schemas.dbSchema, placement.kind === 'distributed' ? placement.shards : undefined);
  return placement;
}

async function placementOf(db: LedgerDb, schemas: Schemas): Promise<Placement> {
  const [citus] = await citusStatement().run(db, {});
  if (!citus!.isThere) return { kind: 'plain' };
  const names = [schemas.dbSchema, ...(schemas.pgbossSchema === undefined ? [] : [schemas.pgbossSchema])];
  const tables = citus!.knowsSchemas ? await placedTablesStatement().run(db, { schemas: names }) : [];
  return judgePlacement({ ...citus!, tables }, schemas);
}

/** Pure. */
export function judgePlacement(
  { isThere, knowsSchemas, tables }: PlacementReading,
  { dbSchema, pgbossSchema }: Schemas,
): Placement {
  if (!isThere) return { kind: 'plain' };
  if (!knowsSchemas) {
    return unsupported({
      kind: 'too_old',
      what: 'the database has a Citus without distributed schemas',
      remedy: `upgrade it to Citus ${CITUS_MIN} or later, or keep the ledger in a database without Citus`,
    });
  }
  const ofSchema = tables.filter(({ schema }) => schema === dbSchema);
  const ledger = ofSchema.filter(
    ({ table }) => table === NODE_TABLE || (table !== null && ledgerTableNames.includes(table)),
  );
  const known = ledger.filter(({ method }) => method !== null);
  const colocation = ofSchema[0]?.schemaColocation ?? null;
  if (known.length === 0 && colocation === null) {
    const fault = pgbossFault(tables, pgbossSchema);
    return fault === null ? { kind: 'plain' } : unsupported(fault);
  }
  const [first, ...others] = [
    coordinatorFault(tables),
    byRowsFault(known, dbSchema),
    colocation === null ? oneByOneFault(known, dbSchema) : incompleteFault(ledger, colocation, dbSchema),
    pgbossFault(tables, pgbossSchema),
  ].filter((fault) => fault !== null);
  if (first !== undefined) return unsupported(first, ...others);
  return { kind: 'distributed', shards: Object.fromEntries(known.map(({ table, shard }) => [table!, shard!])) };
}

const unsupported = (...faults: [PlacementFault, ...PlacementFault[]]): Placement => ({ kind: 'unsupported', faults });

/** Distributed by a column, by a range of it, or appended. */
const isByRows = ({ method }: PlacedTable) => method !== null && method !== 'n';

function coordinatorFault(tables: readonly PlacedTable[]): PlacementFault | null {
  const group = tables[0]?.group ?? null;
  if (group === null || group === 0) return null;
  return {
    kind: 'not_the_coordinator',
    what: `this connection leads to a worker node of Citus (group ${group}), where pg-boss is not`,
    remedy: 'name the coordinator in DATABASE_URL',
  };
}

function byRowsFault(known: readonly PlacedTable[], schema: string): PlacementFault | null {
  const names = known.filter(isByRows).map(({ table }) => table!);
  if (names.length === 0) return null;
  return {
    kind: 'by_rows',
    what: `${listed(names)} of the schema ${schema} ${names.length === 1 ? 'is' : 'are'} distributed by rows, which loses the order and the uniqueness that the ledger needs`,
    remedy: `${ordinaryAgain(names, schema)} ${distribute(schema)}`,
  };
}

/** Single tables that Citus knows, in a schema that is not distributed: references, local ones, or single shards. */
function oneByOneFault(known: readonly PlacedTable[], schema: string): PlacementFault | null {
  const names = known.filter((table) => !isByRows(table)).map(({ table }) => table!);
  if (names.length === 0) return null;
  return {
    kind: 'one_by_one',
    what: `${listed(names)} of the schema ${schema} ${names.length === 1 ? 'was' : 'were'} added to Citus one by one: the whole schema must be distributed, or nothing of it`,
    remedy: `${ordinaryAgain(names, schema)} ${distribute(schema)}`,
  };
}

function incompleteFault(ledger: readonly PlacedTable[], colocation: number, schema: string): PlacementFault | null {
  const names = ledger
    .filter((table) => !isByRows(table) && (table.colocation !== colocation || table.replication === 't'))
    .map(({ table }) => table!);
  if (names.length === 0) return null;
  return {
    kind: 'incomplete',
    what: `the schema ${schema} is distributed, and its ${listed(names)} ${names.length === 1 ? 'is' : 'are'} not on its node`,
    remedy: `${throughDump(schema)} ${distribute(schema)}`,
  };
}

/** pg-boss's tables are ordinary ones on the coordinator. */
function pgbossFault(tables: readonly PlacedTable[], schema: string | undefined): PlacementFault | null {
  if (schema === undefined) return null;
  const ofSchema = tables.filter((table) => table.schema === schema);
  const isDistributed = ofSchema.some(({ schemaColocation }) => schemaColocation !== null);
  const names = ofSchema.filter(({ method }) => method !== null).map(({ table }) => table!);
  if (!isDistributed && names.length === 0) return null;
  return {
    kind: 'pgboss',
    what: `pg-boss's schema ${schema} is ${isDistributed ? 'distributed' : `in part known to Citus (${listed(names)})`}, and must be an ordinary one`,
    remedy: isDistributed ? `SELECT citus_schema_undistribute(${literal(schema)});` : undistribute(names, schema),
  };
}

const NAMED_MAX = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - NAMED_MAX;
  return rest > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${rest} more tables` : names.join(', ');
}

const undistribute = (names: readonly string[], schema: string) =>
  names
    .map(
      (name) =>
        `SELECT undistribute_table(${literal(`${identifier(schema)}.${identifier(name)}`)}, cascade_via_foreign_keys => true);`,
    )
    .join(' ');

const ordinaryAgain = (names: readonly string[], schema: string) =>
  names.some((name) => IDENTITY_TABLES.includes(name)) ? throughDump(schema) : undistribute(names, schema);

const throughDump = (schema: string) =>
  `make the schema an ordinary one by a dump, since Citus cannot undistribute a table with an identity column: \`pg_dump "$ADMIN_URL" --schema=${literal(identifier(schema))} -Fc -f ledger.dump\`, DROP SCHEMA ${identifier(schema)} CASCADE, \`pg_restore -d "$ADMIN_URL" ledger.dump\`; then in one session:`;

const distribute = (schema: string) =>
  `SET citus.enable_unsafe_triggers = on; SELECT citus_schema_distribute(${literal(schema)}); then run \`delegation-sweeper migrate up\``;
