import { INSERT_MANY_MAX } from '../limits.ts';
import { aggregatesOf, arrayNames, jsonElementsOf } from './insert-many-arrays.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/** The same as with arrays, of a JSON array of objects with the arguments of delegation_insert by name. */
export const insertManyJsonFunction: SchemaFunction = {
  name: 'delegation_insert_many',
  parameters: 'rows jsonb',
  types: 'jsonb',
  returns: 'TABLE (place bigint, outcome text, delegation_id text, status text)',
  body: `${refuse([
    [
      `CASE WHEN jsonb_typeof(rows) = 'array' THEN jsonb_array_length(rows) <= ${INSERT_MANY_MAX} END IS NOT TRUE`,
      `'rows must be an array of at most ${INSERT_MANY_MAX} objects'`,
    ],
  ])}
  RETURN QUERY SELECT m.place, m.outcome, m.delegation_id, m.status
    FROM (SELECT ${aggregatesOf('e')}
      FROM ${jsonElementsOf('rows', 'e')}) a,
      delegation_insert_many(${arrayNames.map((name) => `a.${name}`).join(', ')}) m
    ORDER BY m.place;`,
};
