/*
 * What the database holds, as it is committed, and what is true of the agents. A transaction keeps what it has not
 * committed in its own variables, under the lock of the row: others see the row as it was, as READ COMMITTED has it.
 */

/* A conditional expression may not stand in the argument of an inline. */
#define max(a, b) ((a) * ((a) >= (b)) + (b) * ((a) < (b)))
#define min(a, b) ((a) * ((a) <= (b)) + (b) * ((a) > (b)))

/* The invariants. docs/reliability.md has the claim of each, README.md here the table. */
mtype:claim = {
  forward_only_once,
  activity_gives_the_row,
  no_finished_work_is_lost,
  a_sign_of_life_wins,
  heartbeat_behind_a_mark_is_told,
  lost_lease_ends_the_sweep,
  one_sweep_follows_a_look,
  silence_is_observed_time,
  one_gap_for_one_outage,
  waiting_is_no_silence,
  deadline_stands_still,
  lower_threshold_is_known,
  dead_agent_is_found
}

/* Set by the first invariant that is broken; never read, and so no part of what distinguishes two states. */
mtype:claim broken;

#define claim(name, holds) \
  if \
  :: (holds) \
  :: else -> broken = name; printf("broken: %e\n", broken); assert(false) \
  fi

typedef Delegation {
  mtype:status status;
  byte heard;     /* last_heartbeat */
  byte until;     /* waiting_until; 0: it does not wait */
  byte deadline;
  byte holder;    /* the session that has the row's lock, plus one; 0: none has */
  byte result;    /* the session, plus one, whose result the row holds; 0: none's */
  /* Its activity, folded: the status that it adds up to, terminal ones, and late results, a bit per session. */
  mtype:status replayed;
  byte ends;
  byte late
}

Delegation d[DELEGATIONS];

/* The database's clock; 0 is before all. Whether the database can be reached. */
byte now = 1;
bool up = true;

/* sweeper_state: the lease, whether its sweep has been recorded, the last beat; the session that has its lock, plus one. */
byte lease;
bool is_recorded = true;
byte beat_at = 1;
byte state_holder;

/* sweeper_gaps, oldest first. */
#define GAPS 3
byte gaps;
byte gap_start[GAPS];
byte gap_end[GAPS];

/* sweeper_threshold, and the one row of sweeper_lowerings that two thresholds can leave; 0: none. */
byte in_force = THRESHOLD;
/* `UNDATED`, later than any heartbeat: the instant is still to be set. */
#define UNDATED 250
byte lowered_at;
byte lowered_from;

/*
 * A statement that has taken its snapshot and not yet its locks: the rows, a bit each, of which the snapshot still has the
 * newest version.
 */
#define SESSIONS 6
byte seen[SESSIONS];

/* The rows, a bit each, that were abandoned when the sweeper's sweep began, and have not changed since. */
byte abandoned[2];

/* A new version of the row is committed. */
inline overtake(i) {
  abandoned[0] = abandoned[0] & ~(1 << (i)); abandoned[1] = abandoned[1] & ~(1 << (i));
  seen[0] = seen[0] & ~(1 << (i)); seen[1] = seen[1] & ~(1 << (i)); seen[2] = seen[2] & ~(1 << (i));
  seen[3] = seen[3] & ~(1 << (i)); seen[4] = seen[4] & ~(1 << (i)); seen[5] = seen[5] & ~(1 << (i))
}

/*
 * The truth, which no statement reads. `observed`: ticks in which a heartbeat could be written. An agent is alive as long as it
 * has never been silent for longer than its pace; `gave`: when its last call began that was answered; `calling`: when a resume had
 * the row that is not committed; `told`: the
 * threshold that it knows. `spoke`: `observed` when the agent was last heard, or waited. `worked`: ticks without those of waits.
 */
byte observed = 1;
bool alive[DELEGATIONS];
byte gave[DELEGATIONS];
byte calling[DELEGATIONS];
byte told[DELEGATIONS];
byte spoke[DELEGATIONS];
byte worked[DELEGATIONS];
bool answered[SESSIONS];

#define is_waiting(i) (d[i].until > now)
#define quiet(i) (observed - spoke[i])
