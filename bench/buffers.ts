import type { Kysely, PostgresPool } from 'kysely';
import type pg from 'pg';
import type { Database } from '../src/db/schema.ts';
import { kyselyOf, poolOf } from './ledger-database.ts';

export interface Explained {
  readonly sql: string;
  /** Shared buffers that its execution touched. */
  readonly buffers: number;
  readonly ms: number;
  /** What its execution wrote to the write-ahead log. */
  readonly walRecords: number;
  readonly walBytes: number;
}

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'WAL Records': number;
  readonly 'WAL Bytes': number;
}

/**
 * Explains every statement that passes through it, with the same parameters, in a transaction that is rolled back, and
 * then runs it. Execution only: planning reads the catalogue, which does not depend on the table's size.
 */
export class BufferMeter {
  readonly statements: Explained[] = [];
  readonly db: Kysely<Database>;

  constructor(url: string, { startup, Client }: { startup?: string; Client?: typeof pg.Client } = {}) {
    const pool = poolOf(url, 1, startup, Client);
    const wrapped = {
      connect: async () => {
        const client = await pool.connect();
        return {
          query: async (sql: string, parameters: unknown[]) => {
            if (/^\s*(WITH|SELECT|UPDATE|INSERT|DELETE)\b/.test(sql)) await this.#explain(client, sql, parameters);
            return client.query(sql, parameters);
          },
          release: () => client.release(),
        };
      },
      end: () => pool.end(),
    };
    this.db = kyselyOf(wrapped as unknown as PostgresPool);
  }

  /** What all statements of one piece of work touched together. */
  async measure(work: () => Promise<unknown>): Promise<number> {
    this.statements.length = 0;
    await work();
    return this.statements.reduce((sum, { buffers }) => sum + buffers, 0);
  }

  async #explain(
    client: { query(sql: string, parameters?: unknown[]): Promise<{ rows: unknown[] }> },
    sql: string,
    parameters: unknown[],
  ): Promise<void> {
    await client.query('BEGIN');
    try {
      const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) ${sql}`, parameters);
      const [{ Plan: plan, 'Execution Time': ms }] = (
        rows[0] as { 'QUERY PLAN': [{ Plan: Plan; 'Execution Time': number }] }
      )['QUERY PLAN'];
      this.statements.push({
        sql,
        ms,
        buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
        walRecords: plan['WAL Records'],
        walBytes: plan['WAL Bytes'],
      });
    } finally {
      await client.query('ROLLBACK');
    }
  }
}
