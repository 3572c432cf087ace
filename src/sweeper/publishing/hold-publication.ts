import type { QueryRunner } from '../../db/statement.ts';
import type { HeldEvent, ReleasedEvent } from '../../events/ledger-event.ts';
import type { SweeperTables } from '../tables.ts';
import type { Unpublished } from './refused.ts';
import { publishHoldStatement } from './statements/publish-hold.ts';

/** The event of a hold that begins or ends. */
export type HoldNews = Pick<HeldEvent, 'type' | 'data'> | Pick<ReleasedEvent, 'type' | 'data'>;

const suffixes = { 'sweep.held.v1': 'held', 'sweep.released.v1': 'released' } as const;

/** Publishes the events of holds, of the storm guard and of operators, in the transaction in which a hold begins or ends. */
export class HoldPublication {
  readonly #publish: ReturnType<typeof publishHoldStatement>;

  constructor(tables: SweeperTables) {
    this.#publish = publishHoldStatement(tables);
  }

  /** `id`: of the hold, or of the sweep that began or ended it. Throws the database's error, but for what queues refuse. */
  async publish(session: QueryRunner, id: string | number, { type, data }: HoldNews): Promise<Unpublished> {
    const [row] = await this.#publish.run(session, { type, id: `${id}:${suffixes[type]}`, data });
    return { type, events: 1, refused: row!.refused ?? [] };
  }
}
