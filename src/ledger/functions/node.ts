import type { Shards } from '../../db/node/on-node.ts';
import type { SchemaFunction } from './schema-function.ts';

/** A catalogue without an index, read while sequential scans are off, would be thought dear enough to be compiled in each call. */
const noJit = { jit: 'off' };

/**
 * Whether the ledger's tables are on the node of this session. The lock is the one that Citus waits for before it moves them
 * to another node, so that the answer holds until the transaction ends. SECURITY DEFINER, since only their owner may take it.
 */
export function isHereFunction(shard: string): SchemaFunction {
  return {
    name: 'delegation_is_here',
    parameters: '',
    types: '',
    returns: 'boolean',
    isDefiner: true,
    keepsSystemPath: true,
    runsAnywhere: true,
    settings: noJit,
    body: `
  -- 5: ShareLock.
  PERFORM pg_catalog.lock_shard_metadata(5, ARRAY[${shard}]::bigint[]);
  RETURN EXISTS (SELECT FROM pg_catalog.pg_dist_placement p JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
    WHERE p.shardid = ${shard});`,
  };
}

/**
 * Runs one of the sweeper's statements on the node, with the names that the tables have there (src/db/node/statements/run-on-node.ts).
 * It runs with the caller's rights, and so can do nothing that the caller could not do by itself. `columns`: as after AS in FROM;
 * empty: the statement answers nothing.
 */
export const runFunction: SchemaFunction = {
  name: 'sweeper_run',
  parameters: 'statement text, arguments text[], columns text',
  types: 'text, text[], text',
  returns: 'SETOF record',
  // The statement is planned as it is without Citus.
  settings: { enable_seqscan: 'on', plan_cache_mode: 'auto', search_path: 'pg_catalog, pg_temp' },
  body: `
  IF columns = '' THEN
    EXECUTE statement USING arguments;
    RETURN;
  END IF;
  RETURN QUERY EXECUTE statement USING arguments;`,
};

/** Citus gives a sequence this many bits of its numbers on each node; those above say which node it is. */
const OWN_BITS = '281474976710655';

/**
 * Ids are drawn on the node, in the order of the transitions: a table has no identity there. Of a sequence's numbers the node's own
 * bits are the id, so that ids are small on whichever node. Ids that the coordinator drew for a plain INSERT are drawn again.
 * SECURITY DEFINER, since an identity needs no right on its sequence either.
 */
const nextIdFunction: SchemaFunction = {
  name: 'delegation_next_id',
  parameters: '',
  types: '',
  returns: 'trigger',
  isDefiner: true,
  isBare: true,
  runsAnywhere: true,
  body: `
  IF TG_ARGV[0] OPERATOR(pg_catalog.=) 'hold_id' THEN
    NEW.hold_id := ${drawn('sweeper_holds_hold_id_seq')};
  ELSE
    NEW.activity_id := ${drawn('activity_logs_activity_id_seq')};
  END IF;
  RETURN NEW;`,
};

function drawn(sequence: string): string {
  return `pg_catalog.nextval((pg_catalog.quote_ident(TG_TABLE_SCHEMA)
      OPERATOR(pg_catalog.||) '.${sequence}')::pg_catalog.regclass) OPERATOR(pg_catalog.&) ${OWN_BITS}`;
}

/** PL/pgSQL: a sequence of this node goes on behind the last id. Where all rows were removed: above any that there can have been. */
function goOn(sequence: string, table: string, column: string): string {
  return `
      last_id := coalesce((SELECT max(r.${column}) FROM ${table} r),
        CASE WHEN was_in IS NULL THEN 0 ELSE floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint END);
      PERFORM setval('${sequence}'::regclass,
        (nextval('${sequence}'::regclass) & ~${OWN_BITS}) | greatest(last_id, 1), last_id > 0);`;
}

/**
 * Before the first row that is written on another node than before: a node's sequence may be behind those of others. No transaction of
 * the old node is under way then.
 */
const idsHereFunction: SchemaFunction = {
  name: 'delegation_ids_here',
  parameters: '',
  types: '',
  returns: 'trigger',
  isDefiner: true,
  keepsSystemPath: true,
  runsAnywhere: true,
  settings: noJit,
  declare: `
  here integer := (SELECT g.groupid FROM pg_catalog.pg_dist_local_group g LIMIT 1);
  was_in integer;
  last_id bigint;`,
  body: `
  -- Each argument has its exact type: a function that somebody makes in the schema fits none of these calls better.
  place := set_config('search_path', 'pg_catalog, ' || place || ', pg_temp', true);
  IF (SELECT n.node_group FROM delegation_node n WHERE n.singleton) IS DISTINCT FROM here THEN
    SELECT n.node_group INTO was_in FROM delegation_node n WHERE n.singleton FOR UPDATE;
    IF was_in IS DISTINCT FROM here THEN${goOn('activity_logs_activity_id_seq', 'activity_logs', 'activity_id')}${goOn('sweeper_holds_hold_id_seq', 'sweeper_holds', 'hold_id')}
      UPDATE delegation_node n SET node_group = here WHERE n.singleton;
    END IF;
  END IF;
  RETURN NULL;`,
};

/** The columns whose ids they draw. */
export const idColumns = [
  { table: 'activity_logs', column: 'activity_id' },
  { table: 'sweeper_holds', column: 'hold_id' },
] as const;

/** Beside the functions of every ledger, where Citus has its schema on a node. */
export function nodeFunctions(shards: Shards): readonly SchemaFunction[] {
  return [isHereFunction(shards.delegations!), runFunction, nextIdFunction, idsHereFunction];
}
