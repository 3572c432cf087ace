import type { Status } from './transitions.ts';

interface Answer<Outcome> {
  readonly delegationId: string;
  readonly outcome: Outcome;
}

interface Known<Outcome> extends Answer<Outcome> {
  readonly status: Status;
  /** The daemon's threshold in milliseconds: heartbeat several times within it. Absent until a daemon has run. */
  readonly stuckAfterMs?: number;
}

/**
 * `stamped`: written. `fresh`: stamped a moment ago, nothing written. `terminal`: the delegation has ended, stop working.
 * `missing`: no such delegation, or one that the caller has not committed yet. `failed`: the database did not answer, or
 * the id was invalid; logged, `error` says why.
 */
export type HeartbeatResult =
  | Known<'stamped'>
  | Known<'fresh'>
  | Known<'terminal'>
  | (Answer<'missing'> & { readonly status?: never; readonly stuckAfterMs?: never })
  | (Answer<'failed'> & { readonly error: Error; readonly status?: never; readonly stuckAfterMs?: never });
