import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { healingOutcomes } from '../../../ledger/functions/reconcile.ts';
import { statuses } from '../../../ledger/transitions.ts';
import { damageKinds } from '../../../log/catalogue/damage-kinds.ts';
import type { ReconcilerTables } from '../tables.ts';

/** Heals these, in the order of their ids, so that two runs do not deadlock; each damage is a row. */
export function reconcileStatement({ functions }: ReconcilerTables) {
  return statement({
    parameters: { ids: parameter.texts, dryRun: parameter.boolean },
    columns: {
      delegationId: column.text('n.id'),
      kind: column.oneOf(damageKinds, 'r.kind'),
      outcome: column.oneOf(healingOutcomes, 'r.outcome'),
      from: nullable(column.oneOf(statuses, 'r.from_status')),
      to: nullable(column.oneOf(statuses, 'r.to_status')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (SELECT id FROM unnest($ids) id ORDER BY id COLLATE "C") n
CROSS JOIN LATERAL ${functions.reconcile}(n.id, $dryRun) r`,
  });
}
