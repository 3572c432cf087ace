import { isSchemaOutdated, sqlstateOf } from './sqlstate.ts';

/** The ledger's schema is not there, or older than this program. `code` is the SQLSTATE, `cause` the database's error. */
export class OutdatedSchemaError extends Error {
  override readonly name = 'OutdatedSchemaError';
  readonly code: string | null;

  constructor(cause: Error) {
    super(
      `${cause.message}. The ledger is not installed in this schema of this database, or is older than this program: run \`delegation-sweeper migrate up\` for it`,
      { cause },
    );
    this.code = sqlstateOf(cause);
  }
}

/** The error of a statement, in words that say what to do where the schema is at fault. */
export function explained(err: unknown): unknown {
  return isSchemaOutdated(err) ? new OutdatedSchemaError(err as Error) : err;
}
