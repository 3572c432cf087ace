/** The queue of the ledger in the schema `public`: the name in the documentation, and the one that other programs use. */
export const SWEEP_QUEUE = 'delegation-sweep';

/** What pg-boss allows in a name, without the `.` and the `/` that have a meaning below. */
const PLAIN = /[\w-]/;

/**
 * The queue of the ledger in this schema. Each ledger has its own, since several ledgers of one database may share one
 * pg-boss schema, and a sweep that another ledger's daemon takes is lost. No two schemas get the same name: each byte that
 * pg-boss does not allow is written as `/` and two hexadecimal digits.
 */
export function sweepQueue(dbSchema: string): string {
  if (dbSchema === 'public') return SWEEP_QUEUE;
  const bytes = [...Buffer.from(dbSchema, 'utf8')].map((byte) => {
    const character = String.fromCharCode(byte);
    return PLAIN.test(character) ? character : `/${byte.toString(16).padStart(2, '0')}`;
  });
  return `${SWEEP_QUEUE}.${bytes.join('')}`;
}
