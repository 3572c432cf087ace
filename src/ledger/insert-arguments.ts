/** A new delegation, as its caller records it. */
export interface InsertArguments {
  /** 1 to 200 characters, as every id; UUIDv7 recommended. */
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  /** Cut to 4096 bytes of UTF-8, on a code point. NUL and lone surrogates become U+FFFD. */
  readonly taskPreview: string;
  /** A second insert with the caller's same key is a duplicate, whatever its id. 1 to 200 characters. */
  readonly idempotencyKey?: string | null | undefined;
  /** The instant after which the delegation counts as failed. Default: six hours after the insert. */
  readonly deadline?: Date | string | null | undefined;
  /** The same, in milliseconds from the insert; not together with `deadline`. */
  readonly deadlineMs?: number | null | undefined;
  /** After so much silence it counts as stuck: 1000 to 2592000000 (30 days). Default: the daemons' STUCK_AFTER. */
  readonly stuckAfterMs?: number | null | undefined;
  /**
   * Once it is in progress, it counts as stuck after so much time without a text about progress, however often its agent
   * heartbeats: 1000 to 2592000000 (30 days). Default: never.
   */
  readonly stalledAfterMs?: number | null | undefined;
  /** The W3C trace context of the caller. Default: the active span of OpenTelemetry, where the process has one. */
  readonly traceparent?: string | null | undefined;
  /** Any JSON; kept in the activity stream. */
  readonly requestBody?: unknown;
}
