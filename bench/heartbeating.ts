import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerDb } from '../src/db/schema.ts';
import { DelegationLedger } from '../src/ledger/ledger.ts';
import type { LedgerDatabase } from './ledger-database.ts';

const silent = { info() {}, warn() {}, error() {} };

/** A ledger without debounce: every heartbeat is written. */
export function ledgerOf(db: LedgerDb, heartbeatMinIntervalMs = 0.001): DelegationLedger {
  return new DelegationLedger(db, { logger: silent, heartbeatMinIntervalMs });
}

export async function idsInProgress(database: LedgerDatabase): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT delegation_id AS id FROM delegations WHERE status = 'in_progress' ORDER BY md5(delegation_id)`,
  );
  return rows.map(({ id }) => id);
}

export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** One heartbeat of each, by the ledger, many per call. Throws when one was not written. */
export async function beatAll(ledger: DelegationLedger, calls: readonly (readonly string[])[]): Promise<void> {
  for (const ids of calls) {
    const results = await ledger.heartbeatMany(ids);
    const missed = results.find(({ outcome }) => outcome !== 'stamped');
    if (missed) throw new Error(`a heartbeat was ${missed.outcome}`);
  }
}

/**
 * Heartbeats of the whole fleet, repeated in real time until `forMs` have passed. Returns how many times: fewer
 * than `forMs / everyMs` when the machine is too slow for that many heartbeats.
 */
export async function beatInRealTime(
  ledger: DelegationLedger,
  calls: readonly (readonly string[])[],
  { forMs, everyMs }: { forMs: number; everyMs: number },
): Promise<number> {
  const startedAtMs = performance.now();
  let rounds = 0;
  while (performance.now() - startedAtMs < forMs) {
    await beatAll(ledger, calls);
    rounds += 1;
    const dueMs = startedAtMs + rounds * everyMs;
    await sleep(Math.max(0, dueMs - performance.now()));
  }
  return rounds;
}
