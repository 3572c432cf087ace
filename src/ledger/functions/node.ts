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

/**
 * The trigger that draws ids on the node, in the order of the transitions: a table has no identity there, and its sequence has
 * other numbers on each node, perhaps lower ones than those drawn before a move, and on late nodes ones that JavaScript cannot
 * represent. So `raise_by` is added to what is drawn, which may be negative: it is set anew, so that ids go on behind the last one,
 * once the tables are on another node than before. No transaction of the old node is under way then. Ids that the
 * coordinator drew for a plain INSERT are drawn again. SECURITY DEFINER, since an identity needs no right on its sequence either.
 */
const nextIdFunction: SchemaFunction = {
  name: 'delegation_next_id',
  parameters: '',
  types: '',
  returns: 'trigger',
  isDefiner: true,
  keepsSystemPath: true,
  runsAnywhere: true,
  settings: noJit,
  declare: `
  here integer := (SELECT g.groupid FROM pg_catalog.pg_dist_local_group g LIMIT 1);
  drawn bigint;
  was_in integer;
  lift bigint;`,
  body: `
  -- Each argument has its exact type: a function that somebody makes in the schema fits none of these calls better.
  place := set_config('search_path', 'pg_catalog, ' || place || ', pg_temp', true);
  IF TG_ARGV[0] = 'hold_id' THEN
    NEW.hold_id := nextval('sweeper_holds_hold_id_seq'::regclass);
    RETURN NEW;
  END IF;
  drawn := nextval('activity_logs_activity_id_seq'::regclass);
  SELECT n.node_group, n.raise_by INTO was_in, lift FROM delegation_node n WHERE n.singleton;
  IF was_in IS DISTINCT FROM here THEN
    SELECT n.node_group, n.raise_by INTO was_in, lift FROM delegation_node n WHERE n.singleton FOR UPDATE;
    IF was_in IS DISTINCT FROM here THEN
      -- Where all activity was removed, the sequence's own numbers, which are higher than any that were drawn before.
      lift := coalesce((SELECT max(a.activity_id) + 1 FROM activity_logs a), CASE WHEN was_in IS NULL THEN 1 ELSE drawn END) - drawn;
      UPDATE delegation_node n SET node_group = here, raise_by = lift WHERE n.singleton;
    ELSE
      drawn := nextval('activity_logs_activity_id_seq'::regclass);
    END IF;
  END IF;
  NEW.activity_id := drawn + lift;
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
