/** Optional arguments of heartbeat. */
export interface HeartbeatOptions {
  /**
   * How far the work is: 1 to 200 characters, written at once, however fresh the last heartbeat is. When that fails, it is sent
   * with the delegation's next heartbeat. NUL and lone surrogates become U+FFFD.
   */
  readonly progress?: string | null | undefined;
}
