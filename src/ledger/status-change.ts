import type { LedgerDb } from '../db/schema.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertStatus, jsonBody } from './arguments.ts';
import { detailColumnOf } from './detail-column.ts';
import { InvalidArgumentError } from './errors.ts';
import { cutPreview } from './preview.ts';
import type { SetStatusOptions } from './set-status-options.ts';
import type { SetStatusResult } from './set-status-result.ts';
import { setStatusStatement } from './statements/set-status.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/** The arguments of one setStatus, checked and copied, so that the caller's later changes to its objects do not matter. */
export interface StatusRequest {
  readonly delegationId: string;
  readonly to: Status;
  readonly errorDetail: string | null;
  readonly resultPreview: string | null;
  /** JSON text. */
  readonly responseBody: string | null;
  readonly actor: string;
}

/** @throws InvalidArgumentError */
export function statusRequestOf(delegationId: string, to: Status, options: SetStatusOptions): StatusRequest {
  assertId('delegationId', delegationId);
  assertStatus('status', to);
  const { actor = 'ledger', responseBody, errorDetail, resultPreview } = options;
  assertId('actor', actor);
  const column = detailColumnOf(to);
  if (errorDetail != null && column !== 'error_detail') {
    throw new InvalidArgumentError('errorDetail', `goes with failed and stuck only, not with ${to}`);
  }
  if (resultPreview != null && column !== 'result_preview') {
    throw new InvalidArgumentError('resultPreview', `goes with completed only, not with ${to}`);
  }
  return {
    delegationId,
    to,
    errorDetail: errorDetail == null ? null : cutPreview('errorDetail', errorDetail),
    resultPreview: resultPreview == null ? null : cutPreview('resultPreview', resultPreview),
    responseBody: jsonBody('responseBody', responseBody),
    actor,
  };
}

/**
 * The guarded transition of one delegation, with its activity. A request that the row cannot take is an outcome and an
 * event: `ledger.transition_refused`, `ledger.late_result` or `ledger.orphan_update`.
 */
export class StatusChange {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #statement: ReturnType<typeof setStatusStatement>;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#statement = setStatusStatement(tables);
  }

  /** @throws the database's error */
  async apply(request: StatusRequest): Promise<SetStatusResult> {
    const { delegationId, to } = request;
    const [row] = await this.#statement.run(this.#db, request);
    const { outcome, from, lateResult } = row!;
    if (outcome === 'missing' || from === null) {
      this.#log.emit('ledger.orphan_update', { delegationId, attempted: to });
      return { outcome: 'missing', from: null, to };
    }
    if (lateResult) this.#log.emit('ledger.late_result', { delegationId, from, attempted: to });
    else if (outcome === 'refused') this.#log.emit('ledger.transition_refused', { delegationId, from, to });
    return { outcome, from, to };
  }
}
