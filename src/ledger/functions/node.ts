import type { Shards } from '../../db/node/on-node.ts';
import type { SchemaFunction } from './schema-function.ts';

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

/**
 * The trigger that draws an id where none was drawn: on the node a table has no identity, only the sequence of its original has
 * numbers for each node. SECURITY DEFINER, since an identity needs no right on its sequence either.
 */
const nextIdFunction: SchemaFunction = {
  name: 'delegation_next_id',
  parameters: '',
  types: '',
  returns: 'trigger',
  isDefiner: true,
  keepsSystemPath: true,
  runsAnywhere: true,
  body: `
  IF TG_ARGV[0] = 'hold_id' THEN
    NEW.hold_id := nextval(format('%I.sweeper_holds_hold_id_seq', TG_TABLE_SCHEMA)::regclass);
  ELSE
    NEW.activity_id := nextval(format('%I.activity_logs_activity_id_seq', TG_TABLE_SCHEMA)::regclass);
  END IF;
  RETURN NEW;`,
};

/** The columns whose ids it draws. */
export const idColumns = [
  { table: 'activity_logs', column: 'activity_id', trigger: 'activity_logs_next_id' },
  { table: 'sweeper_holds', column: 'hold_id', trigger: 'sweeper_holds_next_id' },
] as const;

/** Beside the functions of every ledger, where Citus has its schema on a node. */
export function nodeFunctions(shards: Shards): readonly SchemaFunction[] {
  return [isHereFunction(shards.delegations!), runFunction, nextIdFunction];
}
