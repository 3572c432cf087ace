/** What pg-boss allows in a name, without the `.` and the `/` that have a meaning below. */
const PLAIN = /[\w-]/;

/**
 * The queue of this name for the ledger in this schema; for `public` it is the name itself, as the documentation has it.
 * Each ledger has its own, since several ledgers of one database may share one pg-boss schema, and a job that another
 * ledger's daemon takes is lost. No two schemas get the same name: each byte that pg-boss does not allow is written as `/`
 * and two hexadecimal digits.
 */
export function ledgerQueue(queue: string, dbSchema: string): string {
  if (dbSchema === 'public') return queue;
  const bytes = [...Buffer.from(dbSchema, 'utf8')].map((byte) => {
    const character = String.fromCharCode(byte);
    return PLAIN.test(character) ? character : `/${byte.toString(16).padStart(2, '0')}`;
  });
  return `${queue}.${bytes.join('')}`;
}
