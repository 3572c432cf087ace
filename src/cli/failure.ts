import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { ConfigError } from '../config/config-error.ts';
import { errorsOfHosts, isConnectionRefusal, remedyOf } from '../db/refusal.ts';
import { isRetryable, sqlstate } from '../db/sqlstate.ts';
import { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from '../embedded/embedded-postgres-error.ts';
import { errorFields } from '../log/error-fields.ts';
import { ListenError } from '../ops/listen-error.ts';

export interface Failure {
  readonly exitCode: ExitCode;
  /** For people: what failed and, on a second line, what to do about it. */
  readonly message: string;
}

/** Null: the message says it. */
const embeddedRemedies: Readonly<Record<EmbeddedPostgresErrorCode, string | null>> = {
  package_missing: null,
  binaries_unusable: 'set DATABASE_URL to a server of your own',
  data_dir_unusable: 'set DATA_DIR to a folder that this user may use, or DATABASE_URL to a server of your own',
  version_mismatch: null,
  already_running: null,
  start_failed: 'try again with another DATA_DIR, or set DATABASE_URL to a server of your own',
};

/** What a failed command prints on stderr, and its exit code. A stack is printed only for a defect of this program. */
export function failureOf(err: unknown): Failure {
  // The first failure matters, not one of the clean-up after it.
  if (err instanceof Error && 'suppressed' in err) return failureOf(err.suppressed);
  if (err instanceof AggregateError && err.cause !== undefined) return failureOf(err.cause);
  if (err instanceof CommandError) return err;
  if (err instanceof ConfigError) {
    const next = 'correct or unset these variables, and look at them with `delegation-sweeper check`';
    return { exitCode: exitCode.configuration, message: `${err.message}\nWhat to do: ${next}.` };
  }
  if (err instanceof ListenError) return { exitCode: exitCode.configuration, message: err.message };
  const { code, message } = errorFields(err);
  if (err instanceof EmbeddedPostgresError) {
    const remedy = embeddedRemedies[err.code];
    const next = remedy === null || message.includes('What to do') ? '' : `\nWhat to do: ${remedy}.`;
    return { exitCode: exitCode.unavailable, message: `${message}${next}` };
  }
  return ofDatabase(err) ?? defect(err, code === null ? message : `${message} (${code})`);
}

/** Null for an error that does not come from the database. */
function ofDatabase(err: unknown): Failure | null {
  const { code, message } = errorFields(err);
  // OpenSSL's messages end in a line break.
  const line = message.replace(/\s*\n\s*/g, ' ').trim();
  const coded = code === null ? line : `${line} (${code})`;
  const failure = (exit: ExitCode, what: string, remedy: string) => ({
    exitCode: exit,
    message: `${what}: ${coded}\nWhat to do: ${remedy}.`,
  });
  if (isConnectionRefusal(err))
    return failure(exitCode.unavailable, 'The database refuses the connection', remedyOf(err));
  if (code === sqlstate.insufficientPrivilege) {
    return failure(exitCode.configuration, 'The database refuses what the command asks', remedyOf(err));
  }
  if (code === 'ENOENT' && errorsOfHosts(err).every((one) => (one as NodeJS.ErrnoException).syscall === 'open')) {
    // A certificate or a key that the URL names, or the file of DATABASE_URL_FILE.
    return failure(
      exitCode.configuration,
      'A file that the configuration names is missing',
      'create the file, or correct its path',
    );
  }
  // ENOENT is retryable only for the unix socket of a server that is not running.
  const missing = code === 'ENOENT' && (err as NodeJS.ErrnoException).syscall !== 'connect';
  if (missing || !isRetryable(err)) return null;
  return failure(
    exitCode.unavailable,
    'The database is not available',
    'check that it runs and accepts connections from here, and that DATABASE_URL names its host and port; then try again',
  );
}

function defect(err: unknown, coded: string): Failure {
  const isDatabases = err instanceof Error && /^[0-9A-Z]{5}$/.test(String((err as { code?: unknown }).code));
  const stack = err instanceof Error && !isDatabases ? `\n${err.stack ?? ''}` : '';
  return { exitCode: exitCode.internal, message: `Internal error, please report it: ${coded}${stack}` };
}
