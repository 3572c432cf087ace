/* A daemon's beats, and the threshold on which the daemons agree. */

/* src/ledger/functions/beat.ts: the lock of sweeper_state, then the last beat, then the clock. */
inline beat(me) {
#ifdef GAP_WITHOUT_LOCK
  d_step { up -> at = now; was = beat_at };
#else
  d_step { up && state_holder == 0 -> state_holder = me + 1; at = now; was = beat_at };
#endif
  d_step {
    up ->
    if
    :: at - was > GAP_AFTER ->
       printf("%d: daemon %d records a gap from %d to %d\n", now, me, was, at);
       claim(one_gap_for_one_outage, gaps == 0 || gap_end[gaps - 1] <= was);
       gap_start[gaps] = was; gap_end[gaps] = at; gaps++
    :: else
    fi;
    beat_at = at; state_holder = 0; at = 0; was = 0;
    printf("%d: the beat of daemon %d is committed\n", now, me)
  }
}

proctype Pulse(byte me) {
  byte at, was, left;
  do
  :: left < now && now < END -> left = now; beat(me)
  :: now == END -> break
  od
}

/* src/sweeper/threshold/statements/agree.ts: the longest threshold of the daemons that are there; a lowering is recorded. */
inline agree(me) {
  d_step {
    up && state_holder == 0 ->
    state_holder = me + 1; at = now;
    agreed = (long_is_there -> LONG : SHORT)
  };
  d_step {
    up ->
    is_lowered = agreed < in_force;
    if
    :: is_lowered ->
#ifdef LOWERING_DATED_BEFORE_ITS_COMMIT
       lowered_at = at;
#else
       lowered_at = UNDATED;
#endif
       lowered_from = in_force
    :: else
    fi;
    in_force = agreed; state_holder = 0;
    printf("%d: daemon %d commits the threshold %d\n", now, me, agreed)
  }
}

/* src/sweeper/threshold/statements/date-lowering.ts, once the lowering can be seen. */
inline date_lowering(me) {
  d_step {
    up ->
#ifdef LOWERING_DATED_BEFORE_ITS_COMMIT
    lowered_at = (lowered_at == at -> (now) : lowered_at);
#else
    lowered_at = (lowered_at == UNDATED -> (now) : lowered_at);
#endif
    printf("%d: daemon %d dates the lowering\n", now, me)
  }
}

bool long_is_there = true;

/* The daemon with the long threshold ends, and may come back; one with the short one agrees after each change, or stops first. */
proctype Agreement(byte me) {
  byte at, agreed, changes;
  bool is_lowered;
  do
  :: changes < CHANGES ->
     changes++;
     d_step { long_is_there = !long_is_there; printf("%d: the daemon with the long threshold is there: %d\n", now, long_is_there) };
     agree(me);
     if
     :: is_lowered -> date_lowering(me)
     :: true -> printf("%d: daemon %d stops before it dates a lowering\n", now, me)
     fi;
     d_step { at = 0; agreed = 0; is_lowered = false }
  :: changes == CHANGES || now == END -> break
  od
}
