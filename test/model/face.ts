import { sql } from 'kysely';
import { type LedgerDb, tableReference } from '../../src/db/schema.ts';
import type { Adjust, Foreign, Heartbeat, HeartbeatMany, Insert, Resume, Retry, SetStatus, Wait } from './operation.ts';
import { WAIT_OFFSET } from './reference-meaning.ts';

/** What an agent or an orchestrator does, in whichever way. */
export type AgentOperation = Insert | Heartbeat | HeartbeatMany | SetStatus | Wait | Resume | Adjust | Retry | Foreign;

/** A way to the ledger: the library, or the functions of its schema, which any language calls. */
export type Face = (db: LedgerDb) => (operation: AgentOperation) => Promise<unknown>;

/** A tick is so long that the seconds that a run really takes are nothing beside the half tick that decides. */
export const TICK_MS = 3_600_000;
/** Half a tick: what was heard in this tick is fresh, what was heard in an earlier one is due. */
export const DEBOUNCE_MS = TICK_MS / 2;
const CHECK_VIOLATION = '23514';

export const halfTickMore = (ticks: number) => (ticks + 0.5) * TICK_MS;
export const waitMs = (ticks: number) => (ticks + WAIT_OFFSET) * TICK_MS;

/** A limit that is not named stays, null takes it away. */
export function limit(ticks: number | null | undefined): number | null | undefined {
  return ticks === null || ticks === undefined ? ticks : halfTickMore(ticks);
}

/** Instants are compared in the rows. */
export function withoutInstant(answer: object): object {
  const {
    waitingUntil: _,
    stuckAfterMs: __,
    status,
    ...rest
  } = answer as {
    waitingUntil?: unknown;
    stuckAfterMs?: unknown;
    status?: unknown;
  };
  return status === null || status === undefined ? rest : { ...rest, status };
}

/** The id that a client gives to a retry. */
export const retryIdOf = (id: string) => `${id}+`;

/** As psql or any driver calls them: text in, rows out. */
export function functionsFace(schema: string): Face {
  return (db) => (operation) => throughFunctions(db, schema, operation);
}

async function throughFunctions(db: LedgerDb, schema: string, operation: AgentOperation): Promise<unknown> {
  const call = (name: string) => sql.id(schema, `delegation_${name}`);
  switch (operation.op) {
    case 'insert': {
      const { id, caller, callee, key, deadlineTicks, ownTicks, stalledTicks } = operation;
      return one(
        db,
        sql`SELECT outcome, delegation_id AS "delegationId", status FROM ${call('insert')}(${id}, ${caller}, ${callee}, 'task',
          idempotency_key => ${key}, deadline_ms => ${halfTickMore(deadlineTicks)},
          stuck_after_ms => ${limit(ownTicks)}, stalled_after_ms => ${limit(stalledTicks)})`,
      );
    }
    case 'heartbeat': {
      const answer = await one<object>(
        db,
        sql`SELECT outcome, status, stuck_after_ms::float8 AS "stuckAfterMs"
          FROM ${call('heartbeat')}(${operation.id}, min_interval_ms => ${DEBOUNCE_MS}, progress => ${operation.progress})`,
      );
      return { delegationId: operation.id, ...known(answer) };
    }
    case 'heartbeatMany': {
      const { rows } = await sql<{ delegationId: string }>`
        SELECT delegation_id AS "delegationId", outcome, status, stuck_after_ms::float8 AS "stuckAfterMs"
        FROM ${call('heartbeat_many')}(${operation.ids}, min_interval_ms => ${DEBOUNCE_MS})`.execute(db);
      const byId = new Map(rows.map((row) => [row.delegationId, known(row)]));
      return operation.ids.map((id) => byId.get(id));
    }
    case 'setStatus': {
      const { id, to, text, body } = operation;
      return one(
        db,
        sql`SELECT outcome, from_status AS "from", to_status AS "to" FROM ${call('set_status')}(${id}, ${to},
          error_detail => ${to === 'completed' ? null : text}, result_preview => ${to === 'completed' ? text : null},
          response_body => ${body === null ? null : JSON.stringify(body)}::jsonb)`,
      );
    }
    case 'wait': {
      const { id, ticks, reason } = operation;
      const wait = sql`SELECT outcome, status FROM ${call('wait')}(${id}, until_ms => ${waitMs(ticks)}, reason => ${reason})`;
      return withoutInstant(await one(db, wait));
    }
    case 'resume':
      return withoutInstant(await one(db, sql`SELECT outcome, status FROM ${call('resume')}(${operation.id})`));
    case 'adjust': {
      const { id, deadlineTicks, ownTicks, stalledTicks } = operation;
      return one(
        db,
        sql`SELECT outcome FROM ${call('adjust')}(${id},
          deadline_ms => ${deadlineTicks === undefined ? null : halfTickMore(deadlineTicks)},
          stuck_after_ms => ${limit(ownTicks) ?? null}, no_stuck_after => ${ownTicks === null},
          stalled_after_ms => ${limit(stalledTicks) ?? null}, no_stalled_after => ${stalledTicks === null})`,
      );
    }
    case 'retry':
      return one(
        db,
        sql`SELECT outcome, attempt FROM ${call('retry')}(${operation.id}, new_id => ${retryIdOf(operation.id)})`,
      );
    case 'foreign':
      return plainUpdate(db, operation);
  }
}

/** Without what it does not know: the library leaves these out. */
function known(answer: object): object {
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null));
}

async function one<Row extends object>(db: LedgerDb, query: ReturnType<typeof sql>): Promise<Row> {
  const { rows } = await query.execute(db);
  return rows[0] as Row;
}

/** The guard's refusal is an answer. */
export async function plainUpdate(db: LedgerDb, { id, to }: Foreign): Promise<unknown> {
  if (db.isTransaction) await sql`SAVEPOINT foreign_update`.execute(db);
  try {
    const { numAffectedRows } = await sql`
      UPDATE ${sql.raw(tableReference(db, 'delegations'))} SET status = ${to} WHERE delegation_id = ${id}`.execute(db);
    return { outcome: numAffectedRows === 0n ? 'missing' : 'changed' };
  } catch (err) {
    if ((err as { code?: string }).code !== CHECK_VIOLATION) throw err;
    if (db.isTransaction) await sql`ROLLBACK TO SAVEPOINT foreign_update`.execute(db);
    return { outcome: 'refused' };
  }
}
