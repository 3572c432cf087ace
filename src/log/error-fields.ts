import { isNativeError } from 'node:util/types';

export interface ErrorFields {
  /** SQLSTATE or Node error code. */
  readonly code: string | null;
  readonly message: string;
}

/** An error as a log line may show it. PostgreSQL's `detail` and `where` are left out: they quote values of the row. */
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

/** Node rejects with an AggregateError without a message when several addresses failed: it holds one error per address. */
function partsOf(err: Error): unknown[] | null {
  const { errors } = err as { errors?: unknown };
  return err.name === 'AggregateError' && Array.isArray(errors) ? errors : null;
}

// Up to the last @ of the word: an unencoded password may contain @, / or #.
const passwordInUrl = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):\S*@/gi;
const passwordAsParameter = /((?:password|passwd|pwd|passphrase)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&;]+)/gi;

/** Replaces passwords of connection strings, as URLs and as `key=value`, anywhere in the text. */
export function redactSecrets(text: string): string {
  return text.replace(passwordInUrl, '$1:***@').replace(passwordAsParameter, '$1***');
}
