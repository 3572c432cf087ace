import type { Parameter } from '../../../db/parameter.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { HandedOn } from '../sample.ts';

const followed: Parameter<HandedOn> = parameter.json;

/** For the next daemon: what this one was following. */
export function handOnStatement({ adviceState }: SweeperTables) {
  return statement({
    parameters: { followed },
    sql: `UPDATE ${adviceState} SET followed = $followed WHERE singleton`,
  });
}

/** What a daemon handed on, once: two would count it twice. */
export function takeOverStatement({ adviceState }: SweeperTables) {
  return statement({
    columns: { followed: nullable(column.json<HandedOn>('before.followed')) },
    sql: (columns) => `
WITH before AS MATERIALIZED (SELECT followed FROM ${adviceState} WHERE singleton FOR UPDATE),
taken AS (UPDATE ${adviceState} SET followed = NULL WHERE singleton AND followed IS NOT NULL)
SELECT ${columns} FROM before`,
  });
}
