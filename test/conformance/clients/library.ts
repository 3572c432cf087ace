import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { DelegationLedger, InvalidArgumentError } from '../../../src/index.ts';
import type { Answer, Method, Value } from '../case.ts';
import type { Client, Place } from './client.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Calls the library, and node-postgres for statements of its own. */
export async function openLibrary({ url, schema }: Place): Promise<Client> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }).withSchema(schema);
  const own = new pg.Client({ connectionString: url });
  await own.connect();
  await own.query(`SET search_path = ${pg.escapeIdentifier(schema)}`);
  return {
    speaks: 'library',
    call: (method, values) => answered(() => methods[method](db, jsValues(values))),
    execute: (sql) => answered(async () => own.query(sql).then(() => ({}))),
    async [Symbol.asyncDispose]() {
      await own.end();
      await db.destroy();
      if (!pool.ended) await pool.end();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a case may say what the library's types forbid
type Loose = any;

const methods: Readonly<Record<Method, (db: Kysely<Database>, values: Record<string, Loose>) => Promise<object>>> = {
  insert: (db, values) => ledgerOf(db).insert(values as Loose),
  setStatus: (db, { delegationId, status, ...options }) => ledgerOf(db).setStatus(delegationId, status, options),
  heartbeat: (db, { delegationId, minIntervalMs, ...options }) =>
    ledgerOf(db, minIntervalMs).heartbeat(delegationId, options),
  wait: (db, { delegationId, ...options }) => ledgerOf(db).wait(delegationId, options as Loose),
  resume: (db, { delegationId, ...options }) => ledgerOf(db).resume(delegationId, options),
  adjust: (db, { delegationId, ...options }) => ledgerOf(db).adjust(delegationId, options),
  retry: (db, { delegationId, newId, ...options }) =>
    ledgerOf(db).retry(delegationId, { delegationId: newId, ...options }),
};

function ledgerOf(db: Kysely<Database>, heartbeatMinIntervalMs?: number): DelegationLedger {
  return new DelegationLedger(db, { logger: silent, heartbeatMinIntervalMs });
}

function jsValues(values: Readonly<Record<string, Value>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value !== 'object' || value === null) return [name, value];
      return [name, 'instant' in value ? new Date(value.instant) : value.json];
    }),
  );
}

/** What a best-effort method answers as `invalid` or `failed`, with its error, is the same as what another throws. */
async function answered(work: () => Promise<object>): Promise<Answer> {
  try {
    const { error, ...answer } = (await work()) as { error?: unknown; waitingUntil?: Date | null };
    if (error !== undefined) return failure(error);
    const { waitingUntil } = answer;
    return { ...answer, ...(waitingUntil && { waitingUntil: waitingUntil.toISOString() }) } as Answer;
  } catch (err) {
    return failure(err);
  }
}

function failure(err: unknown): Answer {
  // Of the two ids of a retry a case names the new one by a name of its own.
  if (err instanceof InvalidArgumentError)
    return { refusedArgument: err.field.replace('options.delegationId', 'newId') };
  const { code } = err as { code?: string };
  if (code === undefined) throw err;
  return { sqlState: code };
}
