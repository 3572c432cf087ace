import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import type { CheckedLookup } from './checked-lookup.ts';
import { NetworkFailure } from './network-failure.ts';
import { bareHostOf } from './url-host.ts';

export interface CheckedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Ends the request, and the reading of its answer, at any moment. */
  readonly signal: AbortSignal;
}

/**
 * Sends a request over a connection of its own, to an address that is checked when the connection is made. Checks
 * certificates and follows no redirect. Resolves with the answer's head; the caller reads its body, within a bound, and
 * destroys it. Rejects with what `networkFailure` takes.
 */
export async function checkedRequest(
  url: URL,
  lookup: CheckedLookup,
  { method, headers, body, signal }: CheckedRequest,
): Promise<http.IncomingMessage> {
  const host = bareHostOf(url);
  // An address in the place of a name is never looked up.
  if (isIP(host) !== 0) lookup.check(host);
  const options = {
    method,
    headers: { ...headers, 'accept-encoding': 'identity' },
    signal,
    lookup: lookup.function(signal),
    agent: false as const,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
  };
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, options, resolve);
    request.on('error', reject);
    // Without an answer and without an error: the other side wants to change the protocol.
    request.on('close', () => reject(new NetworkFailure('connection')));
    request.end(body);
  });
}
