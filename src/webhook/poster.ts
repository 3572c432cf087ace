import type http from 'node:http';
import { CheckedLookup, type Resolve } from '../net/checked-lookup.ts';
import { checkedRequest } from '../net/checked-request.ts';
import { networkFailure } from '../net/network-failure.ts';
import type { Envelope } from './envelope.ts';
import { retryAfterMs } from './retry-after.ts';
import { signatureHeaders } from './signature.ts';
import type { SigningSecrets } from './signing-secrets.ts';

/** For everything: the name, the connection, the answer to its end. */
const TIMEOUT_MS = 10_000;
/** Of an answer's body, which says nothing to us: so much is read, to end the exchange in order. */
const ANSWER_BYTES_MAX = 65_536;

/** What came of one attempt. */
export interface PostOutcome {
  readonly delivered: boolean;
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Why it was not delivered, in our own words. */
  readonly reason: string | null;
  /** The receiver wants no more of it. */
  readonly isGone: boolean;
  /** The receiver asks for no attempt before. */
  readonly retryAfterMs: number | null;
  readonly tookMs: number;
}

export interface PosterOptions {
  readonly url: string;
  readonly allowPrivate: boolean;
  readonly userAgent: string;
  readonly timeoutMs?: number;
  /** How names are resolved; default: as the system does. */
  readonly resolve?: Resolve;
}

/** Posts to the webhook's address, signed. Follows no redirect; an answer's body is neither kept nor logged. */
export class Poster {
  readonly #url: URL;
  readonly #lookup: CheckedLookup;
  readonly #secrets: SigningSecrets;
  readonly #userAgent: string;
  readonly #timeoutMs: number;

  constructor(secrets: SigningSecrets, options: PosterOptions) {
    const { url, allowPrivate, userAgent, timeoutMs = TIMEOUT_MS, resolve } = options;
    this.#url = new URL(url);
    this.#lookup = new CheckedLookup(allowPrivate, resolve);
    this.#secrets = secrets;
    this.#userAgent = userAgent;
    this.#timeoutMs = timeoutMs;
  }

  /** One attempt. Never rejects. */
  async post(envelope: Envelope): Promise<PostOutcome> {
    const startedAtMs = performance.now();
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const took = () => Math.round(performance.now() - startedAtMs);
    try {
      const secrets = this.#secrets.current();
      if (secrets === null) return { ...failed('secret_unreadable'), tookMs: took() };
      const { status, headers } = await this.#exchange(envelope, secrets, signal);
      return { ...outcomeOf(status, headers), tookMs: took() };
    } catch (err) {
      // A body that is cut off by the time says so in other words.
      const reason = signal.aborted ? 'timeout' : networkFailure(err).reason;
      return { ...failed(reason), tookMs: took() };
    }
  }

  async #exchange(
    { id, contentType, body }: Envelope,
    secrets: readonly string[],
    signal: AbortSignal,
  ): Promise<{ status: number; headers: http.IncomingHttpHeaders }> {
    const headers = {
      'content-type': contentType,
      'user-agent': this.#userAgent,
      ...signatureHeaders({ id, body, at: new Date() }, secrets),
    };
    const answer = await checkedRequest(this.#url, this.#lookup, { method: 'POST', headers, body, signal });
    try {
      await readAway(answer);
      return { status: answer.statusCode ?? 0, headers: answer.headers };
    } finally {
      answer.destroy();
    }
  }
}

/** Reads the body to its end or to a bound. An answer that breaks off before either is no answer. */
async function readAway(answer: http.IncomingMessage): Promise<void> {
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= ANSWER_BYTES_MAX) return;
  }
}

function outcomeOf(status: number, headers: http.IncomingHttpHeaders): Omit<PostOutcome, 'tookMs'> {
  if (status >= 200 && status < 300) return { ...failed(null), delivered: true, status };
  const asks = status === 429 || status === 503 ? retryAfterMs(headers['retry-after']) : null;
  const reason = status >= 300 && status < 400 ? 'redirect' : `status_${status}`;
  return { ...failed(reason), status, isGone: status === 410, retryAfterMs: asks };
}

function failed(reason: string | null): Omit<PostOutcome, 'tookMs'> {
  return { delivered: false, status: null, reason, isGone: false, retryAfterMs: null };
}
