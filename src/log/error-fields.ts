import { isNativeError } from 'node:util/types';

export interface ErrorFields {
  /** SQLSTATE or Node error code. */
  readonly code: string | null;
  readonly message: string;
}

/** What an error may say in a log line. PostgreSQL's `detail` and `where` stay out: they quote values of the row. */
export function errorFields(err: unknown): ErrorFields {
  return { code: codeOf(err), message: redactSecrets(messageOf(err)) };
}

function codeOf(err: unknown): string | null {
  if (!isNativeError(err)) return null;
  const { code } = err as { code?: unknown };
  if (typeof code === 'string') return code;
  return (
    partsOf(err)
      ?.map(codeOf)
      .find((inner) => inner !== null) ?? null
  );
}

function messageOf(err: unknown): string {
  // Not instanceof: an error may come from another realm, as Node's own do under Jest.
  if (!isNativeError(err)) return String(err);
  const parts = partsOf(err);
  if (parts === null) return err.message;
  const inner = [...new Set(parts.map(messageOf))].join('; ');
  return err.message ? `${err.message}: ${inner}` : inner;
}

/** Node's happy eyeballs reject with an AggregateError without a message: one error for each address it tried. */
function partsOf(err: Error): unknown[] | null {
  const { errors } = err as { errors?: unknown };
  return err.name === 'AggregateError' && Array.isArray(errors) ? errors : null;
}

// Up to the last @ of the word: an unencoded password may hold an @, a / or a #.
const passwordInUrl = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):\S*@/gi;
const passwordAsParameter = /((?:password|passwd|pwd|passphrase)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&;]+)/gi;

/** Replaces passwords of connection strings, as URLs and as `key=value`, wherever they stand in the text. */
export function redactSecrets(text: string): string {
  return text.replace(passwordInUrl, '$1:***@').replace(passwordAsParameter, '$1***');
}
