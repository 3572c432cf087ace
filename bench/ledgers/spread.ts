import type { DelegationLedger } from '../../src/ledger/ledger.ts';
import { live } from '../scenarios/lives.ts';

/** Connections in all, however many ledgers they serve. */
export const CONNECTIONS = 4;

/** Lives by the library, spread evenly over the ledgers, as many at once as there are connections. */
export async function liveOver(ledgers: readonly DelegationLedger[], lives: number): Promise<void> {
  await inLanes(lives, (i) => live(ledgers[i % ledgers.length]!));
}

/** One heartbeat of each delegation, singly. `ids`: of each ledger its own. */
export async function beatOver(
  ledgers: readonly DelegationLedger[],
  ids: readonly (readonly string[])[],
): Promise<void> {
  const all = ids.flatMap((each, ledger) => each.map((id) => ({ id, ledger: ledgers[ledger]! })));
  await inLanes(all.length, async (i) => {
    const { id, ledger } = all[i]!;
    const { outcome } = await ledger.heartbeat(id);
    if (outcome !== 'stamped') throw new Error(`a heartbeat was ${outcome}`);
  });
}

async function inLanes(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const i = next;
      next += 1;
      await work(i);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

/** Delegations in progress for heartbeats. Returns their ids. */
export async function startOver(ledger: DelegationLedger, count: number, prefix: string): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  for (const delegationId of ids) {
    await ledger.insert({ delegationId, callerId: 'caller', calleeId: 'callee', taskPreview: 'x'.repeat(160) });
    await ledger.setStatus(delegationId, 'in_progress');
  }
  return ids;
}
