import { sqlstate } from '../db/sqlstate.ts';

/** The role lacks rights that the work needs. Its code is the database's own for that. */
export class MissingRightsError extends Error {
  override readonly name = 'MissingRightsError';
  readonly code = sqlstate.insufficientPrivilege;
}
