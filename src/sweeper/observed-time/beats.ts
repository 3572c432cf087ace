import type { LedgerDb } from '../../db/schema.ts';
import type { Gap, GapKind } from '../horizon.ts';
import type { Micros } from '../instant.ts';
import { stateRow } from '../state-row.ts';
import { lockStateStatement } from '../statements/lock-state.ts';
import type { SweeperTables } from '../tables.ts';
import { type ForwardJump, placeJump } from './clock-watch.ts';
import { addGapStatement } from './statements/add-gap.ts';
import { beatStatement } from './statements/beat.ts';
import { gapsStatement } from './statements/gaps.ts';
import { pruneStatement } from './statements/prune.ts';
import { removeGapsStatement } from './statements/remove-gaps.ts';

/** A beat that the database has taken. */
export interface LeftBeat {
  readonly nowUs: Micros;
  /** The beat before, by any daemon. */
  readonly beatAtUs: Micros | null;
  /** The clock was set back since this daemon's last beat, or behind the last one of another. */
  readonly wasSetBack: boolean;
  /** The gap that this beat found and recorded. */
  readonly gap: (Gap & { readonly kind: GapKind }) | null;
  /** The threshold in force, what sweeper_state says it is, and the longest among the daemons present. */
  readonly inForceMs: number | null;
  readonly shownMs: number | null;
  readonly longestMs: number;
  /** A lowering of the threshold has no instant yet. */
  readonly hasUndated: boolean;
}

/** Values and answer of beatStatement. */
export type BeatValues = Omit<BeatRequest, 'lastLeftUs'> & { readonly lastLeft: Micros | null };
export type BeatAnswer = Awaited<ReturnType<ReturnType<typeof beatStatement>['run']>>[number];

/** Leaves the beats of many ledgers at once; `alone` leaves this one by itself. */
export type LeaveTogether = (values: BeatValues, alone: () => Promise<BeatAnswer>) => Promise<BeatAnswer>;

export interface BeatRequest {
  readonly daemonId: string;
  readonly stuckAfterMs: number;
  /** Longer than this without a beat is a gap. */
  readonly gapAfterMs: number;
  /** This daemon's last beat that it knows to be committed; null: none yet. */
  readonly lastLeftUs: Micros | null;
  /** A clock that is behind this was set back; null: not known. */
  readonly setBackBefore: Micros | null;
  /** This process has seen it set back, and has not recorded that. */
  readonly sawSetBack: boolean;
}

/** The beats and gaps in the database. */
export class Beats {
  readonly #db: LedgerDb;
  readonly #leave: ReturnType<typeof beatStatement>;
  readonly #lock: ReturnType<typeof lockStateStatement>;
  readonly #gaps: ReturnType<typeof gapsStatement>;
  readonly #removeGaps: ReturnType<typeof removeGapsStatement>;
  readonly #addGap: ReturnType<typeof addGapStatement>;
  readonly #prune: ReturnType<typeof pruneStatement>;

  readonly #together: LeaveTogether;

  constructor(db: LedgerDb, tables: SweeperTables, together: LeaveTogether = (_, alone) => alone()) {
    this.#db = db;
    this.#together = together;
    this.#leave = beatStatement(tables);
    this.#lock = lockStateStatement(tables);
    this.#gaps = gapsStatement(tables);
    this.#removeGaps = removeGapsStatement(tables);
    this.#addGap = addGapStatement(tables);
    this.#prune = pruneStatement(tables);
  }

  /** @throws the database's error. */
  async leave({ lastLeftUs, ...request }: BeatRequest): Promise<LeftBeat> {
    const values = { ...request, lastLeft: lastLeftUs };
    const alone = async () => stateRow((await this.#leave.run(this.#db, values))[0]);
    const { gapStartUs, gapEndUs, gapKind, ...beat } = await this.#together(values, alone);
    const isGap = gapStartUs !== null && gapEndUs !== null && gapKind !== null;
    return { ...beat, gap: isGap ? { startUs: gapStartUs, endUs: gapEndUs, kind: gapKind } : null };
  }

  async gaps(): Promise<readonly Gap[]> {
    return (await this.#gaps.run(this.#db, {}))[0]!.gaps;
  }

  /** Returns the gap of this jump, or null when it is recorded already, or was none. */
  recordJump(jump: ForwardJump, gapAfterMs: number): Promise<Gap | null> {
    return this.#db.transaction().execute(async (transaction) => {
      // Two daemons that see the same jump decide one after the other.
      await this.#lock.run(transaction, {});
      const change = placeJump(jump, (await this.#gaps.run(transaction, {}))[0]!.gaps, gapAfterMs);
      if (change === null) return null;
      await this.#removeGaps.run(transaction, { endsUs: change.remove.map(({ endUs }) => endUs) });
      for (const { startUs, endUs, kind = 'unwatched' } of change.add) {
        await this.#addGap.run(transaction, { start: startUs, end: endUs, kind });
      }
      return change.add.at(-1)!;
    });
  }

  /** Removes what no horizon reaches any more, and daemons that have long been gone. */
  async prune(beforeUs: Micros): Promise<void> {
    await this.#prune.run(this.#db, { before: beforeUs });
  }
}
