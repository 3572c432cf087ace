import type { LedgerDb } from '../db/schema.ts';
import type { Statement } from '../db/statement.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertStatus, jsonBody } from './arguments.ts';
import { InvalidArgumentError } from './errors.ts';
import { cutPreview } from './preview.ts';
import { detailColumnOf, type SetStatusRow, setStatusStatement } from './statements/set-status.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

export interface SetStatusOptions {
  /** Why: with `failed` and `stuck` only. Cut to 4096 bytes of UTF-8, on a code point, as resultPreview. */
  readonly errorDetail?: string | null | undefined;
  /** What came out: with `completed` only. */
  readonly resultPreview?: string | null | undefined;
  /** Any JSON; kept in the activity stream. */
  readonly responseBody?: unknown;
  /** Who says so, 1 to 200 characters. Default `ledger`. */
  readonly actor?: string | undefined;
}

/**
 * `changed`: moved from `from`. `unchanged`: it had that status already. `refused`: the forward-only guard said no, and
 * a result that came too late was recorded. `missing`: no such delegation, recorded for a reconciler.
 */
export type SetStatusResult =
  | { readonly outcome: 'changed' | 'unchanged' | 'refused'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'missing'; readonly from: null; readonly to: Status };

/** The ledger's guarded transition of one delegation. */
export class StatusChange {
  readonly #db: LedgerDb;
  readonly #tables: LedgerTables;
  readonly #log: EventLog;
  readonly #statements = new Map<Status, Statement<SetStatusRow>>();

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog) {
    this.#db = db;
    this.#tables = tables;
    this.#log = log;
  }

  async set(delegationId: string, to: Status, options: SetStatusOptions): Promise<SetStatusResult> {
    const parameters = parametersOf(delegationId, to, options);
    const [found] = await this.#statement(to).run(this.#db, parameters);
    if (!found) {
      this.#log.emit('ledger.orphan_update', { delegationId, attempted: to });
      return { outcome: 'missing', from: null, to };
    }
    const { from, moved, lateResult } = found;
    if (moved) return { outcome: 'changed', from, to };
    if (from === to) return { outcome: 'unchanged', from, to };
    if (lateResult) this.#log.emit('ledger.late_result', { delegationId, from, attempted: to });
    else this.#log.emit('ledger.transition_refused', { delegationId, from, to });
    return { outcome: 'refused', from, to };
  }

  #statement(to: Status): Statement<SetStatusRow> {
    const known = this.#statements.get(to);
    if (known) return known;
    const statement = setStatusStatement(this.#tables, to);
    this.#statements.set(to, statement);
    return statement;
  }
}

function parametersOf(delegationId: string, to: Status, options: SetStatusOptions): unknown[] {
  assertId('delegationId', delegationId);
  assertStatus('status', to);
  const { actor = 'ledger', responseBody } = options;
  assertId('actor', actor);
  const detail = detailOf(to, options);
  return [
    delegationId,
    detail.errorDetail ?? detail.resultPreview ?? null,
    actor,
    JSON.stringify(detail),
    jsonBody('responseBody', responseBody),
    JSON.stringify({ attempted: to, ...detail }),
  ];
}

/** At most one of the two, cut; the other kind with a status that cannot carry it is the caller's mistake. */
function detailOf(to: Status, options: SetStatusOptions): { errorDetail?: string; resultPreview?: string } {
  const { errorDetail, resultPreview } = options;
  const column = detailColumnOf(to);
  if (errorDetail != null && column !== 'error_detail') {
    throw new InvalidArgumentError('errorDetail', `goes with failed and stuck only, not with ${to}`);
  }
  if (resultPreview != null && column !== 'result_preview') {
    throw new InvalidArgumentError('resultPreview', `goes with completed only, not with ${to}`);
  }
  return {
    ...(errorDetail != null && { errorDetail: cutPreview('errorDetail', errorDetail) }),
    ...(resultPreview != null && { resultPreview: cutPreview('resultPreview', resultPreview) }),
  };
}
