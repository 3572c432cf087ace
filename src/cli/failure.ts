import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { ConfigError } from '../config/config-error.ts';
import { isRetryable } from '../db/sqlstate.ts';
import { EmbeddedPostgresError } from '../embedded/embedded-postgres-error.ts';
import { errorFields } from '../log/error-fields.ts';

/** SQLSTATE classes of a server that is there but does not let us in, or has no such database. */
const refusedClasses = /^(28|3D)/;

/** What a failed command says on stderr, and its exit code. A stack is for a defect of ours alone. */
export function failureOf(err: unknown): { readonly exitCode: ExitCode; readonly message: string } {
  // What failed while it was cleaned up after a failure is the lesser news.
  if (err instanceof Error && 'suppressed' in err) return failureOf(err.suppressed);
  if (err instanceof CommandError) return err;
  if (err instanceof ConfigError) return { exitCode: exitCode.configuration, message: err.message };
  const { code, message } = errorFields(err);
  const coded = code === null ? message : `${message} (${code})`;
  if (err instanceof EmbeddedPostgresError) return { exitCode: exitCode.unavailable, message };
  if (isRetryable(err) || (code !== null && refusedClasses.test(code))) {
    return { exitCode: exitCode.unavailable, message: `The database is not available: ${coded}` };
  }
  const stack = err instanceof Error && code === null ? `\n${err.stack ?? ''}` : '';
  return { exitCode: exitCode.internal, message: `${coded}${stack}` };
}
