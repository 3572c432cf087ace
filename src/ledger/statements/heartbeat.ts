import type { Parameter } from '../../db/parameter.ts';
import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const outcomes = ['stamped', 'fresh', 'terminal', 'missing', 'locked'] as const;

const answer = {
  outcome: column.oneOf(outcomes, 'h.outcome'),
  status: nullable(column.oneOf(statuses, 'h.status')),
  stuckAfterMs: nullable(column.wholeNumber('h.stuck_after_ms')),
  epoch: nullable(column.text('h.epoch')),
};

/** One delegation's heartbeat. A debounced one locks and writes nothing. */
export function heartbeatStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      delegationId: parameter.text,
      minIntervalMs: parameter.wholeNumber,
      progress: nullable(parameter.text),
    },
    columns: answer,
    sql: (columns) => `
SELECT ${columns}
FROM ${functions.heartbeat}($delegationId, min_interval_ms => $minIntervalMs, progress => $progress) h`,
  });
}

/** For each id a progress text, or null. */
const progressTexts: Parameter<readonly (string | null)[]> = { type: 'text[]' };

/** Many in one round trip: one row for each different id. */
export function heartbeatManyStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      ids: parameter.texts,
      minIntervalMs: parameter.wholeNumber,
      progress: nullable(progressTexts),
      skipLocked: parameter.boolean,
    },
    columns: { delegationId: column.text('h.delegation_id'), ...answer },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.heartbeatMany}($ids, $minIntervalMs, $progress, $skipLocked) h`,
  });
}

/** What the heartbeat function of version 0.1.0 answers. */
export interface AnswerOf010 {
  readonly status: (typeof statuses)[number];
  readonly terminal: boolean;
  readonly stamped: boolean;
  readonly stuckAfterMs: number | null;
}

/** On a schema of 0.1.0, which has the function for one alone: many one after the other, in the order of their keys. */
export function heartbeatOf010Statement({ functions }: LedgerTables) {
  return statement({
    parameters: { ids: parameter.texts, minIntervalMs: parameter.number },
    columns: {
      delegationId: column.text('asked.id'),
      answer: nullable(column.json<AnswerOf010>(`${functions.heartbeat}(asked.id, $minIntervalMs)`)),
    },
    sql: (columns) => `
SELECT ${columns} FROM (SELECT DISTINCT id FROM unnest($ids) given (id) ORDER BY id) asked`,
  });
}
