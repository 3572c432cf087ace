import { parameter } from '../../../db/statement.ts';
import { timestampOf } from '../../instant.ts';
import type { Range } from '../place.ts';
import type { Rule } from '../rules.ts';

/** The place after which rows are looked for. */
export const afterParameters = { afterUs: parameter.number, afterId: parameter.text };

/** The same, and the place up to which they are. */
export const rangeParameters = { ...afterParameters, upToUs: parameter.number, upToId: parameter.text };

export function rangeValues({ after, upTo }: Range) {
  return { afterUs: after.keyUs, afterId: after.delegationId, upToUs: upTo.keyUs, upToId: upTo.delegationId };
}

/** SQL: the row's place in the rule's order is after the one in $afterUs and $afterId. */
export function isAfter(rule: Rule): string {
  return `${placeOfRow(rule)} > ${placeOf('$afterUs', '$afterId')}`;
}

/** SQL: the row is in the range. */
export function isWithin(rule: Rule): string {
  return `${isAfter(rule)} AND ${placeOfRow(rule)} <= ${placeOf('$upToUs', '$upToId')}`;
}

function placeOfRow(rule: Rule): string {
  return `(d.${rule.key}, d.delegation_id)`;
}

/** '-infinity' has no count of microseconds. */
function placeOf(keyUs: string, delegationId: string): string {
  return `(CASE WHEN ${keyUs} = '-infinity' THEN '-infinity' ELSE ${timestampOf(keyUs)} END, ${delegationId})`;
}
