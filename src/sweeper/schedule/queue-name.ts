/** The queue of the ledger in the schema `public`, by which the documentation and other programs know it. */
export const SWEEP_QUEUE = 'delegation-sweep';

/** What pg-boss allows in a name, without the `.` and the `/` that are used up below. */
const PLAIN = /[\w-]/;

/**
 * The queue of the ledger in this schema. Each has its own, since several ledgers of one database may share one pg-boss
 * schema, and a sweep that is taken by another ledger's daemon is lost. Two schemas never get one name: what pg-boss does
 * not allow is written as `/` and its two hexadecimal digits, byte by byte.
 */
export function sweepQueue(dbSchema: string): string {
  if (dbSchema === 'public') return SWEEP_QUEUE;
  const bytes = [...Buffer.from(dbSchema, 'utf8')].map((byte) => {
    const character = String.fromCharCode(byte);
    return PLAIN.test(character) ? character : `/${byte.toString(16).padStart(2, '0')}`;
  });
  return `${SWEEP_QUEUE}.${bytes.join('')}`;
}
