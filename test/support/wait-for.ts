import { setTimeout as sleep } from 'node:timers/promises';

/** Many wait at once, and each look takes CPU time from what they wait for: a long wait looks less often. */
const POLL_MIN_MS = 10;
const POLL_MAX_MS = 50;

/** Waits for a state and returns the condition's first truthy answer; the error names the state that was not reached. */
export async function waitFor<T>(
  description: string,
  condition: () => Promise<T> | T,
  { timeoutMs = 60_000 }: { timeoutMs?: number } = {},
): Promise<NonNullable<T>> {
  const beganAt = performance.now();
  let last: unknown;
  while (true) {
    last = await condition();
    if (last) return last as NonNullable<T>;
    const waitedMs = performance.now() - beganAt;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain for ${description}`);
    await sleep(Math.min(Math.max(waitedMs / 20, POLL_MIN_MS), POLL_MAX_MS));
  }
}

/** What the lock helpers need: `TestDatabase` is one. */
export interface Queryable {
  query<T>(sql: string, params?: unknown[]): Promise<T[]>;
}

/** The pids of the sessions that block this backend; empty while it does not wait. */
export async function blockedBy(db: Queryable, pid: number): Promise<number[]> {
  const [row] = await db.query<{ pids: number[] }>('SELECT pg_blocking_pids($1) AS pids', [pid]);
  return row?.pids ?? [];
}

/** Resolves once the backend is seen waiting for a lock. */
export async function waitUntilBlocked(db: Queryable, pid: number, options?: { timeoutMs?: number }): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'`;
  await waitFor(`backend ${pid} to wait for a lock`, async () => (await db.query(waiting, [pid])).length > 0, options);
}

/** Resolves once at least this many sessions of this database wait for a lock. */
export async function waitUntilWaiting(db: Queryable, sessions: number): Promise<void> {
  const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await waitFor(`${sessions} sessions to wait`, async () => (await db.query(waiting)).length >= sessions);
}
