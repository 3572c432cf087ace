import type { Statement } from '../db/positional-statement.ts';
import type { LedgerDb } from '../db/schema.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertStatus, jsonBody } from './arguments.ts';
import { InvalidArgumentError } from './errors.ts';
import { cutPreview } from './preview.ts';
import type { SetStatusOptions } from './set-status-options.ts';
import type { SetStatusResult } from './set-status-result.ts';
import { detailColumnOf, repetitionStatement, type SetStatusRow, setStatusStatement } from './statements/set-status.ts';
import type { LedgerTables } from './tables.ts';
import { isLateResult, type Status } from './transitions.ts';

/** What setStatus was asked, checked and as the statement's parameters: no later change of the caller's can reach it. */
export interface Saying {
  readonly delegationId: string;
  readonly to: Status;
  readonly text: string | null;
  readonly actor: string;
  readonly detail: string;
  readonly body: string | null;
  readonly attempt: string;
}

/** @throws InvalidArgumentError */
export function sayingOf(delegationId: string, to: Status, options: SetStatusOptions): Saying {
  assertId('delegationId', delegationId);
  assertStatus('status', to);
  const { actor = 'ledger', responseBody } = options;
  assertId('actor', actor);
  const detail = detailOf(to, options);
  return {
    delegationId,
    to,
    text: detail.errorDetail ?? detail.resultPreview ?? null,
    actor,
    detail: JSON.stringify(detail),
    body: jsonBody('responseBody', responseBody),
    attempt: JSON.stringify({ attempted: to, ...detail }),
  };
}

/** The ledger's guarded transition of one delegation. */
export class StatusChange {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #statement: (to: Status) => Statement<SetStatusRow>;
  readonly #repetition: (to: Status) => Statement<{ lateResult: boolean }>;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#statement = onceEach((to) => setStatusStatement(tables, to));
    this.#repetition = onceEach((to) => repetitionStatement(tables, to));
  }

  /** @throws the database's error */
  async say(saying: Saying): Promise<SetStatusResult> {
    const { delegationId, to, text, actor, detail, body, attempt } = saying;
    const [found] = await this.#statement(to).run(this.#db, [delegationId, text, actor, detail, body, attempt]);
    if (!found) {
      this.#log.emit('ledger.orphan_update', { delegationId, attempted: to });
      return { outcome: 'missing', from: null, to };
    }
    const { from, moved } = found;
    if (moved) return { outcome: 'changed', from, to };
    const lateResult = from === to ? await this.#isNew(saying) : found.lateResult;
    if (lateResult) this.#log.emit('ledger.late_result', { delegationId, from, attempted: to });
    if (from === to) return { outcome: 'unchanged', from, to };
    if (!lateResult) this.#log.emit('ledger.transition_refused', { delegationId, from, to });
    return { outcome: 'refused', from, to };
  }

  /** Whether the same end again brought a payload that the row does not hold; it is recorded then. */
  async #isNew({ delegationId, to, text, actor, body, attempt }: Saying): Promise<boolean> {
    if (!isLateResult(to, to, text !== null || body !== null)) return false;
    const [judged] = await this.#repetition(to).run(this.#db, [delegationId, text, actor, body, attempt]);
    return judged!.lateResult;
  }
}

function onceEach<Made>(make: (to: Status) => Made): (to: Status) => Made {
  const made = new Map<Status, Made>();
  return (to) => {
    const known = made.get(to) ?? make(to);
    made.set(to, known);
    return known;
  };
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
