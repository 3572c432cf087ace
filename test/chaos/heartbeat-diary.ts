import type { CompiledQuery, QueryResult } from 'kysely';
import type { LedgerDb } from '../../src/db/schema.ts';
import type { DiaryEntry } from './diary.ts';

/** What the heartbeat functions answer, one row for each delegation. */
interface Heard {
  /** Absent where only one was asked about. */
  readonly delegationId?: string;
  /** `locked`: not decided, and asked again. */
  readonly outcome: 'stamped' | 'fresh' | 'terminal' | 'missing' | 'locked';
}

/** Writes down each heartbeat that the database answered, keepAlive's own ones, too. */
export function writeHeartbeats(db: LedgerDb, write: (entry: DiaryEntry) => void): void {
  const ask = db.executeQuery.bind(db) as (query: CompiledQuery) => Promise<QueryResult<unknown>>;
  db.executeQuery = (async (query: CompiledQuery) => {
    const askedAt = Date.now();
    const result = await ask(query);
    if (!query.sql.includes('delegation_heartbeat')) return result;
    for (const { delegationId, outcome } of result.rows as Heard[]) {
      if (outcome === 'locked') continue;
      const id = delegationId ?? (query.parameters[0] as string);
      write({ did: 'heartbeat', id, askedAt, answeredAt: Date.now(), outcome });
    }
    return result;
  }) as typeof db.executeQuery;
}
