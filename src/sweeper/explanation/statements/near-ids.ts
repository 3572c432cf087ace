import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Ids read on each side of the unknown one, and for each prefix. */
const NEIGHBOURS_MAX = 100;

/** Sorts after every continuation of a prefix, in the collation "C" of the ids. */
const LAST = String.raw`U&'\+10FFFF'`;

/**
 * Ids that an unknown one may have been meant for: its neighbours in the order of the index, those that begin with one of
 * `prefixes`, and those among `variants` that are there. Index probes alone, however many ids there are.
 */
export function nearIdsStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text, prefixes: parameter.texts, variants: parameter.texts },
    columns: { delegationId: column.text('near.delegation_id') },
    sql: (columns) => `
SELECT DISTINCT ${columns} FROM (
  (SELECT d.delegation_id FROM ${delegations} d WHERE d.delegation_id >= $delegationId
   ORDER BY d.delegation_id LIMIT ${NEIGHBOURS_MAX})
  UNION ALL
  (SELECT d.delegation_id FROM ${delegations} d WHERE d.delegation_id < $delegationId
   ORDER BY d.delegation_id DESC LIMIT ${NEIGHBOURS_MAX})
  UNION ALL
  (SELECT found.delegation_id FROM unnest($prefixes) prefix, LATERAL (
     SELECT d.delegation_id FROM ${delegations} d
     WHERE d.delegation_id >= prefix AND d.delegation_id < prefix || ${LAST}
     ORDER BY d.delegation_id LIMIT ${NEIGHBOURS_MAX}) found)
  UNION ALL
  (SELECT found.delegation_id FROM unnest($variants) variant, LATERAL (
     SELECT d.delegation_id FROM ${delegations} d WHERE d.delegation_id = variant OFFSET 0) found)) near`,
  });
}
