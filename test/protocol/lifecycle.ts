import { statuses, transitions } from '../../src/ledger/transitions.ts';

/** Promela: the statuses and the table of transitions, as the product has them. */
export function lifecycle(): string {
  const pairs = statuses.flatMap((from) => transitions[from].map((to) => `((f) == ${from} && (t) == ${to})`));
  const open = statuses.filter((status) => transitions[status].length > 0).map((status) => `(s) == ${status}`);
  return `mtype:status = { ${statuses.join(', ')} };
#define may_become(f, t) (${pairs.join(' || ')})
#define is_open(s) (${open.join(' || ')})
`;
}
