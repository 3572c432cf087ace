import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { HoldPublication } from '../publishing/hold-publication.ts';
import { sweeperTables } from '../tables.ts';
import { heldNews, releasedNews } from './hold-news.ts';
import { assertHoldMs, harmlessNote } from './hold-request.ts';
import type { OperatorHold } from './operator-hold.ts';
import { endHoldStatement } from './statements/end-hold.ts';
import { lockHoldsStatement } from './statements/lock-holds.ts';
import { makeHoldStatement } from './statements/make-hold.ts';
import { pruneHoldsStatement } from './statements/prune-holds.ts';

/** Limit of each statement on the server. They wait for another operator. */
const LIMIT_MS = 10_000;

export interface HoldRequest {
  /** How long, in milliseconds. */
  readonly forMs: number;
  readonly reason: string;
  /** Who asks for it. */
  readonly by: string;
}

export interface HoldResult {
  readonly hold: OperatorHold;
  /** The hold that was in force before, which this one takes the place of. */
  readonly replaced: OperatorHold | null;
}

/**
 * What an operator does by `hold` and `release`. A hold is a row of the database: every sweep of every replica obeys it
 * from its next batch on. One operator at a time. Throws InvalidArgumentError, or the database's error.
 */
export class OperatorHolds {
  readonly #db: LedgerDb;
  readonly #lock: ReturnType<typeof lockHoldsStatement>;
  readonly #end: ReturnType<typeof endHoldStatement>;
  readonly #make: ReturnType<typeof makeHoldStatement>;
  readonly #prune: ReturnType<typeof pruneHoldsStatement>;
  readonly #publication: HoldPublication;

  constructor(db: LedgerDb) {
    const tables = sweeperTables(db);
    this.#db = db;
    this.#lock = lockHoldsStatement(tables);
    this.#end = endHoldStatement(tables);
    this.#make = makeHoldStatement(tables);
    this.#prune = pruneHoldsStatement(tables);
    this.#publication = new HoldPublication(tables);
  }

  /** Holds from now on. A hold that is in force is replaced, whichever of the two ends later. */
  async hold({ forMs, reason, by }: HoldRequest): Promise<HoldResult> {
    assertHoldMs('forMs', forMs);
    const request = { forMs, reason: harmlessNote('reason', reason), by: harmlessNote('by', by) };
    return limited(this.#db, LIMIT_MS, async (db) => {
      await this.#lock.run(db, {});
      const ended = await this.#ended(db, 'replaced', request.by);
      const replaced = ended?.wasInForce ? shown(ended) : null;
      const hold = (await this.#make.run(db, { ...request, since: replaced?.since ?? null }))[0]!;
      await this.#publication.publish(db, hold.holdId, heldNews(hold));
      await this.#prune.run(db, {});
      return { hold: shown(hold), replaced };
    });
  }

  /** Ends the hold that is in force. Null: there was none. */
  async release(by: string): Promise<OperatorHold | null> {
    const operator = harmlessNote('by', by);
    return limited(this.#db, LIMIT_MS, async (db) => {
      await this.#lock.run(db, {});
      const ended = await this.#ended(db, 'operator', operator);
      return ended?.wasInForce ? shown(ended) : null;
    });
  }

  /** Ends the hold that is open, for this reason or because its time had passed. What is replaced goes on: no event. */
  async #ended(db: LedgerDb, why: 'replaced' | 'operator', by: string) {
    const [ended] = await this.#end.run(db, { why, by });
    if (ended === undefined) return null;
    const { endedWhy } = ended;
    if (endedWhy === 'operator' || endedWhy === 'expired') {
      await this.#publication.publish(db, ended.holdId, releasedNews(ended, endedWhy));
    }
    return ended;
  }
}

function shown({
  holdId: _,
  wasInForce: __,
  ...hold
}: OperatorHold & { holdId: number; wasInForce?: boolean }): OperatorHold {
  return hold;
}
