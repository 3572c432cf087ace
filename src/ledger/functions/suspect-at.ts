/** Names of what the bound is made from, as SQL expressions. */
export interface SuspectSource {
  readonly lastHeartbeat: string;
  readonly waitingUntil: string;
  readonly progressAt: string;
  readonly stalledFrom: string;
  readonly stuckAfterMs: string;
  readonly stalledAfterMs: string;
  /** The daemons' threshold; NULL until one has run. */
  readonly inForceMs: string;
  /** The clock. */
  readonly at: string;
}

/**
 * SQL: the instant before which no rule about silence can match a delegation that waits, or that has thresholds of its
 * own. With no threshold known it is a second, the shortest that there is: a bound may be too early, never too late.
 * The guard of migration 0006 has it as well, since a released migration may not change with this file.
 */
export function suspectAt(of: SuspectSource): string {
  return `least(
          coalesce(greatest(${of.lastHeartbeat}, ${of.waitingUntil}), ${of.at})
            + coalesce(${of.stuckAfterMs}, ${of.inForceMs}, 1000) * interval '1 millisecond',
          greatest(${of.progressAt}, ${of.stalledFrom}, ${of.waitingUntil}) + ${of.stalledAfterMs} * interval '1 millisecond')`;
}
