import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { beatFields, beatSql } from '../../../ledger/functions/beat.ts';
import { gapKinds } from '../../horizon.ts';
import type { SweeperTables } from '../../tables.ts';

const values = {
  daemonId: '$daemonId',
  stuckAfterMs: '$stuckAfterMs',
  gapAfterMs: '$gapAfterMs',
  lastLeft: '$lastLeft',
  setBackBefore: '$setBackBefore',
  sawSetBack: '$sawSetBack',
} as const;

/** Leaves a beat of one ledger: src/ledger/functions/beat.ts. */
export function beatStatement(tables: SweeperTables) {
  const fields = beatFields(tables, values);
  return statement({
    parameters: {
      daemonId: parameter.text,
      stuckAfterMs: parameter.wholeNumber,
      gapAfterMs: parameter.number,
      lastLeft: nullable(parameter.micros),
      setBackBefore: nullable(parameter.micros),
      sawSetBack: parameter.boolean,
    },
    columns: {
      nowUs: column.micros(fields.nowUs),
      beatAtUs: nullable(column.micros(fields.beatAtUs)),
      wasSetBack: column.boolean(fields.wasSetBack),
      gapStartUs: nullable(column.micros(fields.gapStartUs)),
      gapEndUs: nullable(column.micros(fields.gapEndUs)),
      gapKind: nullable(column.oneOf(gapKinds, fields.gapKind)),
      inForceMs: nullable(column.wholeNumber(fields.inForceMs)),
      shownMs: nullable(column.wholeNumber(fields.shownMs)),
      longestMs: column.wholeNumber(fields.longestMs),
      hasUndated: column.boolean(fields.hasUndated),
    },
    sql: (columns) => beatSql(tables, values, `SELECT ${columns}`),
  });
}
