/** What a heartbeat may be told beside the delegation. */
export interface HeartbeatOptions {
  /**
   * How far the work is: 1 to 200 characters, written at once, however fresh the last heartbeat is. NUL and lone surrogates
   * become U+FFFD.
   */
  readonly progress?: string | null | undefined;
}
