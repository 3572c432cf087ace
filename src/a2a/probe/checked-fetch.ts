import type http from 'node:http';
import type { CheckedLookup } from '../../net/checked-lookup.ts';
import { checkedRequest } from '../../net/checked-request.ts';
import type { AllowList } from './allow-list.ts';
import type { Credentials } from './credentials.ts';
import { ProbeFailure, probeFailureOf } from './probe-failure.ts';

export interface FetchParts {
  readonly allowed: AllowList;
  readonly lookup: CheckedLookup;
  readonly credentials: Credentials;
}

export interface FetchLimits {
  readonly signal: AbortSignal;
  readonly bytesMax: number;
  /** Awaited before more than LARGE_BYTES of an answer are kept. */
  readonly beforeLarge: () => Promise<void>;
}

export const LARGE_BYTES = 65_536;

/** Statuses that say who refuses, whatever the body. */
const REFUSING: ReadonlySet<number> = new Set([401, 403, 407, 429]);
/** Statuses of a gateway whose agent is away. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * A `fetch` for the SDK's client that reaches only allowed hosts at allowed addresses, checks certificates, follows no
 * redirect, and reads no more than it may. Rejects with a ProbeFailure.
 */
export function checkedFetch(parts: FetchParts, limits: FetchLimits): typeof fetch {
  return async (input, init = {}) => {
    const url = URL.parse(input instanceof Request ? input.url : String(input));
    if (url === null) throw new ProbeFailure('unusable', 'malformed');
    if (!/^https?:$/.test(url.protocol) || !parts.allowed.allows(url)) throw new ProbeFailure('not_asked', 'host');
    const headers = { ...Object.fromEntries(new Headers(init.headers)), ...(await parts.credentials.for(url)) };
    try {
      const { method = 'GET', body } = init;
      const sent = { method, headers, body: typeof body === 'string' ? body : undefined, signal: limits.signal };
      return await answerOf(await checkedRequest(url, parts.lookup, sent), limits);
    } catch (err) {
      throw probeFailureOf(err);
    }
  };
}

async function answerOf(message: http.IncomingMessage, limits: FetchLimits): Promise<Response> {
  try {
    const { statusCode: status = 0, headers } = message;
    const type = headers['content-type'] ?? '';
    if (status >= 300 && status < 400) throw new ProbeFailure('unusable', 'redirect');
    if (AWAY.has(status)) throw new ProbeFailure('no_answer', `status_${status}`);
    const isError = status < 200 || status >= 300;
    if (REFUSING.has(status) || (isError && !/json/i.test(type))) throw new ProbeFailure('refused', `status_${status}`);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw new ProbeFailure('unusable', 'encoding');
    const body = await bodyOf(message, limits);
    return new Response(status === 204 || status === 205 ? null : body, { status, headers: { 'content-type': type } });
  } finally {
    message.destroy();
  }
}

async function bodyOf(message: http.IncomingMessage, { bytesMax, beforeLarge }: FetchLimits): Promise<string> {
  if (Number(message.headers['content-length']) > bytesMax) throw new ProbeFailure('unusable', 'too_large');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    if (bytes <= LARGE_BYTES && bytes + chunk.length > LARGE_BYTES) await beforeLarge();
    bytes += chunk.length;
    if (bytes > bytesMax) throw new ProbeFailure('unusable', 'too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
