import { isOneOf } from '../../db/literal.ts';
import { terminalStatuses } from '../transitions.ts';

/**
 * PL/pgSQL: locks the delegation `id` and reads its status into the OUT parameter of the function `name`, and further
 * columns into variables. The outcome is `missing` or `refused` where there is no such delegation, or it has ended.
 */
export function lockOpen(name: string, variables: Readonly<Record<string, string>>): string {
  const columns = Object.keys(variables).map((column) => `d.${column}`);
  return `
  SELECT ${['d.status', ...columns].join(', ')}
  INTO ${[`${name}.status`, ...Object.values(variables)].join(', ')}
  FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    outcome := 'missing';
    RETURN;
  END IF;
  IF ${isOneOf(`${name}.status`, terminalStatuses)} THEN
    outcome := 'refused';
    RETURN;
  END IF;`;
}
