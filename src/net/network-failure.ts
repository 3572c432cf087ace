export const networkReasons = [
  'connection',
  'connection_refused',
  'malformed',
  'name_not_found',
  'private_address',
  'timeout',
  'tls',
] as const;

export type NetworkReason = (typeof networkReasons)[number];

/** Why there is no answer over HTTP. The reason is one of our own words, never what the other side said. */
export class NetworkFailure extends Error {
  override readonly name = 'NetworkFailure';
  readonly reason: NetworkReason;

  constructor(reason: NetworkReason) {
    super(reason);
    this.reason = reason;
  }
}

/** An error of Node's HTTP client, of a connection or of an abort. */
export function networkFailure(err: unknown): NetworkFailure {
  return err instanceof NetworkFailure ? err : new NetworkFailure(reasonOf(err));
}

function reasonOf(err: unknown): NetworkReason {
  const { name, code = '' } = err as { name?: unknown; code?: unknown };
  const text = String(code);
  if (name === 'AbortError' || name === 'TimeoutError' || text === 'ABORT_ERR' || text === 'ETIMEDOUT')
    return 'timeout';
  if (text.startsWith('HPE_')) return 'malformed';
  if (/^(?:ENOTFOUND|EAI_|ENODATA)/.test(text)) return 'name_not_found';
  if (text === 'ECONNREFUSED') return 'connection_refused';
  if (/TLS|SSL|CERT|SIGNATURE|EPROTO/.test(text)) return 'tls';
  return 'connection';
}
