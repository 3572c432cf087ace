import { microsOf, timestampOf } from '../../db/instant.ts';
import { askedOfEachLedger } from './asked-of-each-ledger.ts';
import { type BeatTables, beatFields, beatSql } from './beat.ts';
import type { SchemaFunction } from './schema-function.ts';

const tables: BeatTables = {
  delegations: 'delegations',
  sweeperState: 'sweeper_state',
  sweeperThreshold: 'sweeper_threshold',
  gaps: 'sweeper_gaps',
  daemons: 'sweeper_daemons',
  lowerings: 'sweeper_lowerings',
};

const values = {
  daemonId: 'daemon',
  stuckAfterMs: 'threshold_ms',
  gapAfterMs: 'gap_after_ms',
  lastLeft: 'last_left',
  setBackBefore: 'set_back_before',
  sawSetBack: 'saw_set_back',
};

const fields = beatFields(tables, values);
const instants = ['nowUs', 'beatAtUs', 'gapStartUs', 'gapEndUs'] as const satisfies readonly (keyof typeof fields)[];

/**
 * A daemon's beat (src/ledger/functions/beat.ts), for a daemon of many ledgers: it leaves the beats of all of them in one statement, which calls
 * this one per ledger. As a function its plan is kept by the session; planning was most of what a beat cost.
 */
export const sweeperBeatFunction: SchemaFunction = {
  name: 'sweeper_beat',
  ...askedOfEachLedger,
  declare: `
  daemon text := request ->> 'daemonId';
  threshold_ms bigint := (request ->> 'stuckAfterMs')::bigint;
  gap_after_ms float8 := (request ->> 'gapAfterMs')::float8;
  last_left timestamptz := ${timestampOf(`(request ->> 'lastLeft')`)};
  set_back_before timestamptz := ${timestampOf(`(request ->> 'setBackBefore')`)};
  saw_set_back boolean := (request ->> 'sawSetBack')::boolean;
  answer json;`,
  body: `${beatSql(
    tables,
    values,
    `SELECT json_build_object(${Object.entries(fields)
      .map(([name, sql]) => `'${name}', ${instants.some((instant) => instant === name) ? microsOf(sql) : sql}`)
      .join(', ')}) INTO answer`,
  )};
  RETURN answer;`,
};
