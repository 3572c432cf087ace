/*
 * The functions of the ledger, as agents and callers call them. Names of steps are those of README.md. `me` is the
 * session; `at`, `from`, `got` and `is_changed` are variables of the process.
 */

/* What ends a wait gives the deadline back what was not waited for: the guard, migrations/0006_meaning.ts. */
inline end_wait(i, clock) {
  if
  :: d[i].until > 0 ->
     d[i].deadline = d[i].deadline + clock - max(d[i].until, clock);
     worked[i] = worked[i] + (min(now, d[i].until) > clock -> min(now, d[i].until) - clock : 0);
     d[i].until = 0
  :: else
  fi
}

/* A transaction's new version of a row, with its activity, becomes visible, and its lock is free. */
inline commit_row(i) {
  claim(activity_gives_the_row, d[i].replayed == d[i].status);
  claim(forward_only_once, d[i].ends == (is_open(d[i].status) -> 0 : 1));
  overtake(i);
  d[i].holder = 0
}

inline move_row(i, to, clock) {
  claim(forward_only_once, may_become(d[i].status, to));
  d[i].status = to;
#ifdef ACTIVITY_APART
  skip;
#else
  d[i].replayed = to;
#endif
  d[i].ends = d[i].ends + (is_open(to) -> 0 : 1);
  end_wait(i, clock)
}

/* A result that a session was told is kept, by the row or as a late one. */
inline told_of_result(i, me) {
  answered[me] = true
}

#define is_kept(i, session) (!answered[session] || d[i].result == session + 1 || (d[i].late & (1 << session)))

inline results_are_kept(i) {
  claim(no_finished_work_is_lost, is_kept(i, 2) && is_kept(i, 3) && is_kept(i, 4) && is_kept(i, 5))
}

/* src/ledger/functions/set-status.ts: lock, judge, move, record. `may_fail`: its transaction may be rolled back instead. */
inline set_status(i, me, to, may_fail) {
#ifdef JUDGE_WITHOUT_LOCK
  d_step { up -> from = d[i].status; printf("%d: session %d reads that delegation %d is %e\n", now, me, i, from) };
  d_step { up && d[i].holder == 0 -> d[i].holder = me + 1; at = now };
#else
  d_step {
    up && d[i].holder == 0 ->
    d[i].holder = me + 1; from = d[i].status; at = now;
    printf("%d: session %d locks delegation %d, which is %e\n", now, me, i, from)
  };
#endif
  if
  :: d_step {
       up && may_become(from, to) ->
       printf("%d: session %d commits another status of delegation %d\n", now, me, i);
       move_row(i, to, at);
       if
       :: to == in_progress -> d[i].heard = max(d[i].heard, at); spoke[i] = observed - (now - at); gave[i] = at
       :: to == completed -> d[i].result = me + 1; told_of_result(i, me)
       :: else
       fi;
       commit_row(i);
       results_are_kept(i);
       from = queued; at = 0
     }
  :: d_step {
       up && !may_become(from, to) ->
       printf("%d: session %d is refused another status of delegation %d, which is %e\n", now, me, i, from);
       if
       :: to == completed ->
#ifndef REFUSED_IS_FORGOTTEN
          d[i].late = d[i].late | (d[i].result == me + 1 -> 0 : (1 << me));
#endif
          told_of_result(i, me)
       :: else
       fi;
       d[i].holder = 0;
       results_are_kept(i);
       from = queued; at = 0
     }
  :: d_step {
       may_fail ->
       d[i].holder = 0; from = queued; at = 0;
       printf("%d: session %d rolls back, and lets delegation %d go\n", now, me, i)
     }
  fi
}

/*
 * src/ledger/functions/heartbeat.ts, of a plain row. The UPDATE computes the stamp before it has the row's lock. Where the session
 * that had the lock changed the row, PostgreSQL computes it again, and judges the status again; where it did not, it does not.
 */
inline heartbeat(i, me) {
  d_step {
    up ->
    if
    :: is_open(d[i].status) -> begun = now; at = now; seen[me] = 1 << i
    :: else -> is_told = true
    fi;
    printf("%d: the agent of delegation %d sends a heartbeat\n", now, i)
  };
  if
  :: is_told
  :: else ->
     d_step {
       up && d[i].holder == 0 ->
       if
#ifdef HEARTBEAT_WITHOUT_STATUS
       :: true ->
#else
       :: is_open(d[i].status) ->
#endif
#ifdef STAMP_OF_BEFORE_THE_WAIT
          at = (seen[me] -> (at) : now);
#else
          at = now;
#endif
          got = observed; d[i].holder = me + 1;
          printf("%d: the heartbeat has the lock of delegation %d\n", now, i)
#ifndef HEARTBEAT_WITHOUT_STATUS
       :: else -> is_told = true; begun = 0; at = 0
#endif
       fi;
       seen[me] = 0
     };
     if
     :: is_told
     :: else ->
#if CHANGES > 0
        d_step { up -> knows = in_force };
#endif
        if
        :: d_step {
             up ->
             printf("%d: the heartbeat of delegation %d is committed, with the stamp %d\n", now, i, at);
             claim(heartbeat_behind_a_mark_is_told, is_open(d[i].status));
             d[i].heard = max(d[i].heard, at);
             spoke[i] = max(spoke[i], got);
             gave[i] = begun;
             told[i] = (CHANGES > 0 -> (knows) : told[i]);
             commit_row(i);
             begun = 0; at = 0; got = 0; knows = 0
           }
        :: d_step {
             HEARTBEATS_FAIL ->
#ifdef ROLLED_BACK_HEARTBEAT_COUNTS
             d[i].heard = at;
#endif
             d[i].holder = 0; alive[i] = false; begun = 0; at = 0; got = 0; knows = 0;
             printf("%d: the heartbeat of delegation %d is rolled back\n", now, i)
           }
        fi
     fi
  fi
}

/* src/ledger/functions/wait.ts, and the guard. */
inline wait(i, me, ticks) {
  d_step { up && d[i].holder == 0 -> d[i].holder = me + 1; at = now };
  d_step {
    up ->
    if
    :: is_open(d[i].status) ->
#ifndef DEADLINE_RUNS
       d[i].deadline = d[i].deadline + at + ticks - max(d[i].until, at);
#endif
       worked[i] = worked[i] - (d[i].until > at -> 0 : now - at);
       d[i].until = max(at + ticks, at + 1);
       spoke[i] = max(spoke[i], observed - (now - min(now, d[i].until)));
       commit_row(i);
       printf("%d: delegation %d waits until %d\n", now, i, d[i].until)
    :: else -> d[i].holder = 0; is_told = true
    fi;
    at = 0
  }
}

/* src/ledger/functions/resume.ts, and the guard. */
inline resume(i, me) {
  d_step { up && d[i].holder == 0 -> d[i].holder = me + 1; at = now; got = observed; calling[i] = now };
  d_step {
    up ->
    if
    :: !is_open(d[i].status) -> d[i].holder = 0; is_told = true
    :: is_open(d[i].status) && d[i].until == 0 -> d[i].holder = 0
    :: else ->
       end_wait(i, at);
#ifndef RESUME_IS_NO_SIGN
       d[i].heard = max(d[i].heard, at);
#endif
       spoke[i] = got; gave[i] = at; told[i] = in_force;
       commit_row(i);
       printf("%d: delegation %d is resumed\n", now, i)
    fi;
    at = 0; got = 0; calling[i] = 0
  }
}
