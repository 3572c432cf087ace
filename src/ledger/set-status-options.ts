/** Optional arguments of setStatus. */
export interface SetStatusOptions {
  /**
   * Why: with `failed` and `stuck` only. Cut to 4096 bytes of UTF-8, on a code point, as resultPreview. NUL and lone
   * surrogates become U+FFFD, as in the other texts and bodies.
   */
  readonly errorDetail?: string | null | undefined;
  /** The result: with `completed` only. */
  readonly resultPreview?: string | null | undefined;
  /** Any JSON; kept in the activity stream. */
  readonly responseBody?: unknown;
  /** Who changes the status, recorded in the activity: 1 to 200 characters. Default `ledger`. */
  readonly actor?: string | undefined;
}
