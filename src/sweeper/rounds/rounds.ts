import { isOnNode } from '../../db/node/nodes.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { QueryRunner } from '../../db/statement.ts';
import { timed } from '../../db/timed.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';
import type { BeatAnswer, BeatValues } from '../observed-time/beats.ts';
import type { Reading } from '../schedule/pgboss-clock.ts';
import { type ScheduleAsked, scheduleReadingStatement } from '../schedule/statements/schedule-reading.ts';
import type { SweepTrigger } from '../summary.ts';
import { Round } from './round.ts';
import { ofEachLedgerStatement } from './statements/of-each-ledger.ts';
import { tickSweepsStatement } from './statements/tick-sweeps.ts';
import { Turn } from './turn.ts';

type ScheduleReading = Omit<Reading, 'sweepId'>;

export interface RoundsOptions {
  /** Reaches every ledger of the daemon. A statement that takes seconds is given up: one of its ledgers would delay the others. */
  readonly db: LedgerDb;
  /** Over pg-boss's own connections. */
  readonly pgBoss: { readonly runner: QueryRunner; readonly tables: PgBossTables };
}

/** What a daemon of many ledgers does for all of them at once. Each round is asked by the ledger's name. */
export class Rounds {
  readonly beats: Round<BeatValues, BeatAnswer>;
  /** Whether the sweep was recorded: see sweeperSweepEmptyFunction. */
  readonly emptySweeps: Round<{ readonly sweepId: string; readonly trigger: SweepTrigger }, boolean>;
  readonly tickSweeps: Round<null, string | null>;
  readonly schedules: Round<ScheduleAsked, ScheduleReading>;

  constructor({ db, pgBoss: { runner, tables } }: RoundsOptions) {
    // Its node may be gone.
    const options = { isAlwaysAlone: (ledger: string) => isOnNode(db, ledger) };
    const turn = new Turn();
    const calling = <Asked, Answer>(name: 'sweeper_beat' | 'sweeper_sweep_empty') =>
      new Round<Asked, Answer>(async (ledgers, asked) => {
        const statement = ofEachLedgerStatement(ledgers, name);
        const { result, tookMs } = await turn.take(() => timed(db, (session) => statement.run(session, { asked })));
        const answered = result.filter(({ answer }) => answer !== null);
        const rows = inOrder(ledgers, answered, ({ nth }) => nth - 1);
        return { answers: rows.map(({ answer }) => answer as Answer), tookMs };
      }, options);
    this.beats = calling('sweeper_beat');
    this.emptySweeps = calling('sweeper_sweep_empty');
    this.tickSweeps = new Round(async (ledgers) => {
      const { result, tookMs } = await timed(db, (session) => tickSweepsStatement(ledgers).run(session, {}));
      return { answers: inOrder(ledgers, result, ({ nth }) => nth).map(({ sweepId }) => sweepId), tookMs };
    }, options);
    const reading = scheduleReadingStatement(tables);
    // pg-boss's tables alone: none of the ledgers makes it slow.
    this.schedules = new Round(async (_, asked) => ({ answers: await reading.run(runner, { asked }), tookMs: 0 }));
  }
}

/** The row of each ledger. @throws where one has lost its row; then each is asked by itself. */
function inOrder<Row>(ledgers: readonly string[], rows: readonly Row[], position: (row: Row) => number): Row[] {
  const byPosition = new Map(rows.map((row) => [position(row), row]));
  return ledgers.map((ledger, nth) => {
    const row = byPosition.get(nth);
    if (row === undefined) throw new Error(`no answer of the ledger ${ledger}`);
    return row;
  });
}
