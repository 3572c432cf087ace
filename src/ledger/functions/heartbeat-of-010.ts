import { DURATION_MAX_MS } from '../limits.ts';
import { beat, beatDeclaration } from './heartbeat.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/** The heartbeat of version 0.1.0, whose programs expect one JSON value, NULL for an unknown id. */
export const heartbeatOf010Function: SchemaFunction = {
  name: 'delegation_heartbeat',
  parameters: 'id text, debounce_ms float8',
  types: 'text, float8',
  returns: 'json',
  declare: `${beatDeclaration}
  progress CONSTANT text := NULL;
  outcome text;
  status text;
  stuck_after_ms bigint;
  epoch text;`,
  // Other numbers make an interval that is out of range, an error that names nothing.
  body: `${refuse([
    [
      `NOT debounce_ms BETWEEN -${DURATION_MAX_MS} AND ${DURATION_MAX_MS}`,
      `format('debounce_ms must be from -${DURATION_MAX_MS} to ${DURATION_MAX_MS} milliseconds, not %s', debounce_ms)`,
    ],
  ])}${beat('own', 'debounce_ms')}
  IF outcome = 'missing' THEN
    RETURN NULL;
  END IF;
  RETURN json_build_object('delegationId', id, 'status', status, 'due', outcome = 'stamped', 'stamped', outcome = 'stamped',
    'terminal', outcome = 'terminal', 'stuckAfterMs', stuck_after_ms, 'epoch', epoch);`,
};
