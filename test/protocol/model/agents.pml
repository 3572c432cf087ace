/* What happens around the ledger: agents, their callers, outages, and time. */

/*
 * An agent with one delegation. It calls one function at a time, heartbeats once a tick at most, and may fall silent at any moment,
 * for good or for a while: then it is not alive in the sense of the claims.
 */
proctype Agent(byte i; byte me) {
  byte at, begun, got, knows;
  mtype:status from = queued;
  bool is_told, is_done;
  do
  :: !is_told && HEARTBEATS && gave[i] < now && now < END -> heartbeat(i, me)
  :: !is_told && CHANGES > 0 && gave[i] == now ->
     d_step { up -> told[i] = in_force; printf("%d: a heartbeat of delegation %d is fresh\n", now, i) }
  :: !is_told && WAITS > 0 && now < END -> wait(i, me, WAITS)
  :: !is_told && WAITS > 0 && d[i].until > 0 && now < END -> resume(i, me)
  :: COMPLETES && !is_done -> set_status(i, me, completed, false); is_done = true
  :: COMPLETES && START == queued && d[i].status == queued -> set_status(i, me, in_progress, false)
  :: alive[i] && FALLS_SILENT ->
     d_step { alive[i] = false; is_told = !ZOMBIES; printf("%d: the agent of delegation %d falls silent\n", now, i) }
  :: !alive[i] || is_told || now == END -> break
  od
}

/* A caller's transaction on the same delegation: it ends it, or holds its lock for a while and rolls back. */
proctype Rival(byte i; byte me) {
  byte at, calls;
  mtype:status from = queued;
  do
  :: calls < RIVAL_CALLS ->
     calls++;
     if
     :: RIVAL_ENDS -> set_status(i, me, completed, true)
     :: RIVAL_ENDS -> set_status(i, me, failed, true)
     :: RIVAL_ENDS && START == queued -> set_status(i, me, dispatched, true)
     :: set_status(i, me, queued, true)
     fi
  :: break
  od
}

/* Time does not pass while an agent that is alive owes a heartbeat; while the database is away, nobody can send one. */
#define PACE_OF(i) (CHANGES > 0 -> told[i] : PACE)
#define owes(i) (alive[i] && d[i].status == in_progress && (now + 1 - max(gave[i], d[i].until) > PACE_OF(i) || \
  calling[i] > 0 && now + 1 - calling[i] > PACE_OF(i)))
#if DELEGATIONS == 1
#define nobody_owes (!owes(0))
#else
#define nobody_owes (!owes(0) && !owes(1))
#endif

inline pass_tick() {
  k = 0;
  observed = observed + (up -> 1 : 0);
  do
  :: k < DELEGATIONS ->
     if
     :: is_waiting(k) -> spoke[k] = observed
     :: else -> worked[k] = worked[k] + (is_open(d[k].status) && DEADLINE < 200 -> 1 : 0)
     fi;
     k++
  :: else -> break
  od;
  k = 0;
  now++
}

/* An outage ends: everyone has the whole pace to be heard again. */
inline come_back() {
  up = true;
  k = 0;
  do
  :: k < DELEGATIONS -> gave[k] = max(gave[k], now); k++
  :: else -> break
  od;
  k = 0
}

proctype Clock() {
  byte k, outages;
  do
  :: now < END && (!up || nobody_owes && (!BEATS_ARE_LEFT || beat_at == now)) ->
     if
     :: atomic { up -> pass_tick() }
     :: atomic { up && outages < OUTAGES && now > 1 -> pass_tick(); outages++; up = false; printf("%d: the database goes away\n", now) }
     :: atomic { !up -> pass_tick() }
     :: atomic { !up -> pass_tick(); come_back(); printf("%d: the database is back\n", now) }
     fi
  :: now == END -> break
  od;
  atomic { if :: !up -> come_back() :: else fi }
}
