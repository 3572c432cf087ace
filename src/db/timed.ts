import type { LedgerDb } from './schema.ts';

/** Runs it over one connection. Returns also how long it took from when it had that, in milliseconds. */
export function timed<Result>(
  db: LedgerDb,
  run: (session: LedgerDb) => Promise<Result>,
): Promise<{ readonly result: Result; readonly tookMs: number }> {
  return db.connection().execute(async (session) => {
    const sinceMs = performance.now();
    const result = await run(session);
    return { result, tookMs: performance.now() - sinceMs };
  });
}
