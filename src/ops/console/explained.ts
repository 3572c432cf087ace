import type { Explanation } from '../../sweeper/explanation/explanation.ts';
import type { UnknownDelegation } from '../../sweeper/explanation/unknown-delegation.ts';
import type { IsoInstant } from '../../sweeper/instant.ts';
import type { Html } from '../page/html.ts';
import { age, time } from '../page/time.ts';

/** Reads what a delegation's page shows. All reject with the database's error. */
export interface ExplainProbe {
  /** Null: the ledger has no such delegation. */
  readonly explain: (delegationId: string) => Promise<Explanation | null>;
  /** What is left of one that the ledger does not hold, and what may have been meant. */
  readonly unknown: (delegationId: string) => Promise<UnknownDelegation>;
}

/** Writes an explanation's instants, beside the instant of the explanation itself. */
export class Instants {
  readonly now: Date;

  constructor({ now }: Pick<Explanation, 'now'>) {
    this.now = new Date(now);
  }

  at(instant: IsoInstant): Html {
    return time(new Date(instant), this.now);
  }

  age(instant: IsoInstant): Html {
    return age(new Date(instant), this.now);
  }
}
