/*
 * A daemon that sweeps, one sweep after the other. Each batch is one row: that is the smallest batch, with the most interleavings.
 * Between two steps anything may happen, and a daemon may stop for good: then its transaction is rolled back.
 */

/* Sweeps that began; those after which another one began that had seen them, a bit each. */
byte sweeps;
byte followed;

/* Where sweeps go on for ever, the first daemon may stop in one of them, and the other does not. */
bool has_stopped;
byte impatience = 2;
#ifdef TIME_STANDS_STILL
#define MAY_STOP(me) ((me) == 0)
#define HAS_STOPPED true
#define MAY_BEGIN(me, begun) (!(has_stopped && (me) == 0))
#else
#define MAY_STOP(me) true
#define HAS_STOPPED false
#define MAY_BEGIN(me, begun) ((begun) < SWEEPS)
#endif

#ifdef TIME_STANDS_STILL
/*
 * src/sweeper/on-time/next-step.ts, where sweeps go on for ever: a sweep that has not been recorded is left in peace, until it seems to
 * be dead. Since patience doubles each time, a daemon is too impatient only so often. A lease is named after its sweeper here.
 */
#define is_left(me) (is_recorded || lease == me + 1 || has_stopped && lease == 1)
inline take_lease(me) {
  d_step {
    up &&
#ifdef LEASE_UNTIL_IT_IS_GIVEN_BACK
    (is_recorded || lease == me + 1)
#else
#ifdef NO_PATIENCE
    true
#else
    (is_left(me) || impatience > 0)
#endif
#endif
    ->
    impatience = (is_left(me) -> (impatience) : (impatience > 0 -> impatience - 1 : 0));
    id = me + 1; lease = id; is_recorded = false;
    printf("%d: sweeper %d takes the lease\n", now, me)
  }
}
#else
/* src/sweeper/statements/take-lease.ts, at a tick. */
inline take_lease(me) {
  d_step {
    up ->
    sweeps++; id = sweeps; lease = id; is_recorded = false;
    printf("%d: sweeper %d takes the lease\n", now, me)
  }
}
#endif

/* src/sweeper/on-time/statements/look.ts, and src/sweeper/statements/take-lease-after.ts: unless another sweep has it since. */
inline take_lease_after(me) {
  d_step { up -> id = lease; printf("%d: sweeper %d sees the lease of sweep %d\n", now, me, id) };
  d_step {
    up ->
    if
#ifdef LEASE_IS_NOT_COMPARED
    :: true ->
#else
    :: lease == id ->
#endif
       printf("%d: sweeper %d takes the lease\n", now, me);
       claim(one_sweep_follows_a_look, !(followed & (1 << id)));
       followed = followed | (1 << id);
       sweeps++; id = sweeps; lease = id; is_recorded = false
#ifndef LEASE_IS_NOT_COMPARED
    :: else -> id = 0
#endif
    fi
  }
}

/* src/sweeper/observed-time/statements/reading.ts: one snapshot, and then the clock, which may be later. */
inline read_snapshot() {
  read_beat = (BEATS_ALWAYS -> (now) : beat_at); read_gaps = gaps; read_lowered = lowered_at; read_from = lowered_from;
  read_force = max(own, in_force)
}

inline read_clock(me) {
  at = now;
  horizon_of(read_force, horizon);
  if
  :: read_lowered > 0 -> horizon_of(max(read_force, read_from), spared_from)
  :: else
  fi;
  k = 0;
  do
  :: k < DELEGATIONS -> abandoned[me] = abandoned[me] | (is_abandoned(k) -> (1 << k) : 0); k++
  :: else -> break
  od;
  k = 0;
  printf("%d: sweeper %d reads the clock; the horizon is %d\n", now, me, horizon)
}

/*
 * src/sweeper/pass/statements/plan.ts: which rows, by a snapshot without locks. It is one step with the clock: no row that does not match
 * then comes to match by the same clock later, and each is judged again by mark_snapshot.
 */
inline plan(me) {
  do
  :: k < DELEGATIONS -> planned = planned | (matches(k) -> (1 << k) : 0); k++
  :: else -> break
  od;
  k = 0;
  has_lease = (lease == id);
  if
  :: planned > 0 -> printf("%d: sweeper %d plans what to mark\n", now, me)
  :: else
  fi
}

/* What is read does not change where there are neither beats nor lowerings: then it is read in one step with the clock. */
inline reading(me) {
#if PULSES > 0 || CHANGES > 0
  d_step { up -> read_snapshot() };
  d_step { up -> read_clock(me); plan(me) }
#else
  d_step { up -> read_snapshot(); read_clock(me); plan(me) }
#endif
}

/* src/sweeper/pass/statements/marking.ts: the snapshot of the statement, with the lease. */
inline mark_snapshot(i, me) {
  d_step {
    up ->
    is_late = (lease != id);
#ifndef LEASE_AT_THE_START
    has_lease = (lease == id);
#endif
    verdict = (is_overdue(i) -> (failed) : (is_stale(i) -> (stuck) : queued));
#ifdef SELECT_THEN_UPDATE
    verdict = stuck;
#endif
    verdict = (has_lease -> (verdict) : queued);
    seen[me] = (verdict != queued -> (1 << i) : 0);
    if
    :: verdict != queued -> printf("%d: sweeper %d finds that delegation %d matches\n", now, me, i)
    :: else
    fi
  }
}

/* The same: FOR NO KEY UPDATE SKIP LOCKED. A row that has changed since the snapshot is not at its place any more, and left. */
inline mark_lock(i, me) {
  d_step {
#ifdef WAITS_FOR_LOCKS
    up && d[i].holder == 0 ->
#else
    up ->
#endif
    if
    :: d[i].holder != 0 -> passed_over = passed_over | (1 << i); verdict = queued
    :: else ->
       d[i].holder = me + 1;
#ifdef LOCK_WITHOUT_RECHECK
       verdict = verdict;
#else
#ifdef SELECT_THEN_UPDATE
       verdict = (d[i].status == in_progress -> (verdict) : queued);
#else
       verdict = (seen[me] -> (verdict) : queued);
       passed_over = passed_over | (seen[me] -> 0 : (1 << i));
#endif
#endif
       printf("%d: sweeper %d locks delegation %d\n", now, me, i)
    fi;
    seen[me] = 0
  }
}

/* The same, src/ledger/statements/transition.ts and the commit: the status and its activity, or nothing. */
inline mark_commit(i, me) {
  if
  :: d_step {
       up && verdict != queued ->
       printf("%d: sweeper %d marks delegation %d %e\n", now, me, i, verdict);
       claim(lost_lease_ends_the_sweep, !is_late);
       if
       :: verdict == stuck ->
          claim(forward_only_once, d[i].status == in_progress);
          claim(STUCK_CLAIM, !alive[i] && quiet(i) > SILENT_FOR)
       :: verdict == failed && DEADLINE < 200 -> claim(deadline_stands_still, worked[i] > DEADLINE)
       :: else
       fi;
       move_row(i, verdict, now);
       commit_row(i)
     }
  :: d_step { up && verdict == queued -> d[i].holder = (d[i].holder == me + 1 -> 0 : d[i].holder) }
  :: d_step {
       d[i].holder == me + 1 && MAY_STOP(me) ->
       d[i].holder = 0; has_lease = false; has_stopped = HAS_STOPPED;
       printf("%d: sweeper %d stops, and its transaction is rolled back\n", now, me)
     }
  fi
}

/* src/sweeper/statements/sweep-record.ts. A whole sweep has left nothing that was abandoned when it began. */
inline record(me) {
  d_step {
    up ->
    claim(dead_agent_is_found, !(has_lease && lease == id && (abandoned[me] & ~passed_over)));
    is_recorded = is_recorded || (lease == id && has_lease);
    id = 0; at = 0; horizon = 0; spared_from = 0; read_beat = 0; read_gaps = 0; read_force = 0; read_lowered = 0; read_from = 0;
    planned = 0; passed_over = 0; abandoned[me] = 0; verdict = queued; has_lease = false; is_late = false; i = 0
  }
}

/* `own`: its STUCK_AFTER. `is_on_time`: it sweeps between the ticks. */
proctype Sweeper(byte me; byte own; bool is_on_time) {
  byte id, at, horizon, spared_from, read_beat, read_gaps, read_force, read_lowered, read_from;
  byte planned, passed_over, begun, k, i;
  mtype:status verdict = queued;
  bool has_lease, is_late;

  do
  :: MAY_BEGIN(me, begun) ->
#ifndef TIME_STANDS_STILL
     begun++;
#endif
     if
     :: is_on_time -> take_lease_after(me)
     :: else -> take_lease(me)
     fi;
     if
     :: id > 0 ->
        reading(me);
        do
        :: i < DELEGATIONS && has_lease ->
           if
           :: planned & (1 << i) ->
              mark_snapshot(i, me);
              if
              :: verdict != queued -> mark_lock(i, me); mark_commit(i, me)
              :: else
              fi
           :: else
           fi;
           i++
        :: else -> break
        od;
        record(me)
     :: else
     fi
  :: MAY_STOP(me) -> break
  od
}
