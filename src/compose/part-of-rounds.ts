import type { LedgerDb } from '../db/schema.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { LeaveTogether } from '../sweeper/observed-time/beats.ts';
import type { Stillness } from '../sweeper/on-time/stillness.ts';
import type { StillnessWatch } from '../sweeper/on-time/stillness-watch.ts';
import type { Rounds } from '../sweeper/rounds/rounds.ts';
import { ofEachLedgerStatement } from '../sweeper/rounds/statements/of-each-ledger.ts';
import { EmptySweep } from '../sweeper/schedule/empty-sweep.ts';
import type { ReadTogether } from '../sweeper/schedule/pgboss-clock.ts';

/** One ledger's part in what a daemon does for many at once. */
export interface PartOfRounds {
  readonly stillness: Stillness;
  readonly leaveBeat: LeaveTogether;
  readonly together: ReadTogether;
  readonly emptySweep: EmptySweep['sweep'];
  /** Ends the watch over this ledger. */
  readonly unwatched: Service;
}

export function partOf(
  ledger: string,
  db: LedgerDb,
  log: EventLog,
  { rounds, watch }: { readonly rounds: Rounds; readonly watch: StillnessWatch },
): PartOfRounds {
  const stillness = watch.add(ledger);
  const recordAlone = async (sweep: object) => {
    const rows = await ofEachLedgerStatement([ledger], 'sweeper_sweep_empty').run(db, { asked: [sweep] });
    return rows.at(-1)!.answer as boolean;
  };
  const emptySweep = new EmptySweep({
    log,
    isResting: () => stillness.isResting,
    async record(sweep) {
      const isRecorded = await rounds.emptySweeps.ask(ledger, sweep, () => recordAlone(sweep));
      if (isRecorded) stillness.foundEmpty();
      else stillness.disturb();
      return isRecorded;
    },
  });
  return {
    stillness,
    leaveBeat: (values, alone) => rounds.beats.ask(ledger, values, alone),
    together: {
      schedule: (asked, alone) => rounds.schedules.ask(ledger, asked, alone),
      sweepId: (alone) => rounds.tickSweeps.ask(ledger, null, alone),
    },
    emptySweep: emptySweep.sweep,
    unwatched: {
      name: 'stillness',
      async start() {},
      async stop() {
        watch.remove(ledger, stillness);
      },
    },
  };
}
