/**
 * What the ops server has to know, in its own words; the composition root gives the readings. Instants are the
 * database's clock. Each reading may reject with the database's error.
 */

/** Whether it sweeps in time. */
export interface Punctuality {
  readonly now: Date;
  /** The last sweep, by any replica, that went through. */
  readonly sweptAt: Date | null;
  readonly nextAt: Date;
  /** That sweep should not be older than this. */
  readonly dueSince: Date;
}

/** Why nobody's silence may be judged on the server that the daemon reaches. */
export interface Refusal {
  readonly reason: 'standby' | 'read_only' | 'rows_hidden' | 'heartbeats_refused';
  readonly remedy: string;
}

/** What is too old in the database. */
export interface OutdatedSchema {
  readonly component: string;
  readonly found: string | null;
  readonly required: string;
  readonly remedy: string;
}

export interface Status extends Punctuality {
  /** This host's clock minus the database's. */
  readonly skewMs: number;
  readonly beatAt: Date | null;
  readonly stuckAfterMs: number;
  readonly storm: {
    readonly state: 'calm' | 'held' | 'released';
    readonly since: Date | null;
    readonly until: Date | null;
  };
  readonly lastSweep: {
    readonly startedAt: Date;
    readonly trigger: string;
    readonly stuck: number;
    readonly failed: number;
    readonly poisoned: number;
    readonly remaining: number;
    readonly durationMs: number;
  } | null;
  /** The last 24 hours. */
  readonly day: {
    readonly sweeps: number;
    readonly stuck: number;
    readonly failed: number;
    readonly lateResults: number;
    /** lateResults / stuck; null when none was marked. */
    readonly falsePositiveRatio: number | null;
    readonly unobservedMs: number;
  };
  readonly oldest: {
    readonly silenceMs: number | null;
    readonly overdueMs: number;
  };
}

/** The open delegations, counted. */
export interface Census {
  readonly at: Date;
  readonly byStatus: Readonly<Record<string, number>>;
  /** There are more than were counted. */
  readonly capped: boolean;
  /** Delegations in progress by silence, in equal parts of the threshold; the last is at or past it. */
  readonly silence: readonly number[];
}

/** The last day, from the sweeps' own records. */
export interface History {
  /** In order of time; a quarter of an hour without a sweep is left out. */
  readonly bins: readonly {
    readonly at: Date;
    readonly sweeps: number;
    readonly stuck: number;
    readonly failed: number;
    readonly durationMaxMs: number;
    readonly held: boolean;
  }[];
  /** Newest first. */
  readonly marks: readonly {
    readonly at: Date;
    readonly delegationId: string;
    readonly callerId: string;
    readonly calleeId: string;
    readonly rule: 'stale' | 'overdue';
    readonly fromStatus: string;
    readonly latenessMs: number;
    /** The threshold at that time. */
    readonly stuckAfterMs: number;
  }[];
  readonly callees: readonly { readonly calleeId: string; readonly count: number }[];
  readonly gaps: readonly { readonly start: Date; readonly end: Date }[];
}

/** Connections of a pool. */
export interface PoolUse {
  readonly inUse: number;
  readonly idle: number;
  /** Queries that wait for one. */
  readonly waiting: number;
}
