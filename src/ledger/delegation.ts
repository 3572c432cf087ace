import type { Status } from './transitions.ts';

/** A ledger row: the folded current state of one delegation. Instants are the database's clock. */
export interface Delegation {
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  /** At most 4096 bytes of UTF-8, as the other previews. */
  readonly taskPreview: string;
  readonly status: Status;
  readonly lastHeartbeat: Date | null;
  readonly deadline: Date;
  readonly idempotencyKey: string | null;
  readonly resultPreview: string | null;
  /** Why it failed or is stuck. */
  readonly errorDetail: string | null;
  /** Set exactly when the status is terminal. */
  readonly finishedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
