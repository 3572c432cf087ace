/*
 * The protocol by which delegations end, as Spin checks it. check.ts gives the parameters of a configuration as -D, writes
 * lifecycle.pml from src/ledger/transitions.ts, and defines the name of a mutation where one is to be refuted.
 * README.md says which step is which statement, what is left out, and why that is sound.
 */
#include "lifecycle.pml"
#include "state.pml"
#include "ledger.pml"
#include "judging.pml"
#include "sweeper.pml"
#include "daemon.pml"
#include "agents.pml"

#ifdef TIME_STANDS_STILL
/*
 * The first delegation is locked for ever, the second one's agent is dead: it is marked at last, whatever the daemons do, as long as one
 * of them goes on. Time says nothing here: what is silent is silent.
 */
ltl liveness { <> (d[1].status == stuck) }

init {
  d_step {
    d[0].status = START; d[0].replayed = START; d[0].heard = 1; d[0].deadline = 200; d[0].holder = SESSIONS + 1;
    d[1].status = START; d[1].replayed = START; d[1].heard = 1; d[1].deadline = 200; spoke[0] = 1; spoke[1] = 1;
    now = END; observed = END
  };
  atomic { run Sweeper(0, OWN, false); run Sweeper(1, OWN, false) }
}
#else
init {
  atomic {
    byte n;
    for (n : 0 .. DELEGATIONS - 1) {
      d[n].status = START; d[n].replayed = START;
      d[n].heard = 1; d[n].deadline = 1 + DEADLINE;
      alive[n] = HEARTBEATS; gave[n] = 1; told[n] = THRESHOLD; spoke[n] = 1
    }
    n = 0;
    do
    :: n < SWEEPERS -> run Sweeper(n, OWN, IS_ON_TIME); n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < DELEGATIONS -> run Agent(n, 2 + n); n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < RIVALS -> run Rival(0, 4 + n); n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < PULSES -> run Pulse(n); n++
    :: else -> break
    od;
    if
    :: CHANGES > 0 -> run Agreement(0)
    :: else
    fi;
    run Clock()
  }
}
#endif
