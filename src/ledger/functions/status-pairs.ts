import { isOneOf, literal } from '../../db/literal.ts';
import { type Status, statuses } from '../transitions.ts';

/** SQL: whether the statuses in the expressions `from` and `to` are a pair that satisfies; each pair is written out. */
export function statusPairs(from: string, to: string, satisfies: (from: Status, to: Status) => boolean): string {
  return statuses
    .map((status) => [status, statuses.filter((target) => satisfies(status, target))] as const)
    .filter(([, targets]) => targets.length > 0)
    .map(([status, targets]) => `(${from} = ${literal(status)} AND ${isOneOf(to, targets)})`)
    .join('\n      OR ');
}
