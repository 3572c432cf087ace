import { isOneOf } from '../db/literal.ts';
import { sourcesOf } from '../ledger/transitions.ts';

/** SQL: the delegation `d` has a status in which silence counts. A literal, so that a generic plan can use a partial index. */
export const isInProgress = isOneOf('d.status', sourcesOf('stuck'));
