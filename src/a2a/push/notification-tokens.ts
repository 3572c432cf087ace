import { createHash, timingSafeEqual } from 'node:crypto';
import { InvalidArgumentError } from '../../index.ts';

const TOKEN_HEADER = 'x-a2a-notification-token';

/** The tokens of which a notification must bring one. */
export class NotificationTokens {
  readonly #digests: readonly Buffer[];

  /** @throws InvalidArgumentError where there is none, or an empty one. */
  constructor(token: string | readonly string[]) {
    const tokens = typeof token === 'string' ? [token] : token;
    if (!Array.isArray(tokens) || tokens.length === 0 || tokens.some((one) => typeof one !== 'string' || one === '')) {
      throw new InvalidArgumentError('token', 'must be a text, or a list of texts, none of them empty');
    }
    this.#digests = tokens.map(digest);
  }

  /** Compared in constant time, digest by digest: neither a token's length nor its start shows in the answer's time. */
  admit(headers: Headers): boolean {
    const bearer = /^Bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
    const given = [headers.get(TOKEN_HEADER), bearer].filter((one) => typeof one === 'string').map(digest);
    return given.flatMap((one) => this.#digests.map((known) => timingSafeEqual(one, known))).includes(true);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
