import { openLedger } from '../../../src/index.ts';

// Connects at the first call. Its pool has timeouts, survives restarts and failovers, and accepts several hosts in the URL.
await using ledger = await openLedger(process.env.DATABASE_URL!);
const delegationId = '26bad020-ed2c-4c48-a73a-01f4a68cd7cc';

// The caller: record the delegation first, then dispatch it. The same idempotency key again is a duplicate, whatever the id.
const insertion = { delegationId, callerId: 'planner', calleeId: 'coder', taskPreview: 'fix the build', idempotencyKey: delegationId };
const { outcome: recorded, delegationId: holder } = await ledger.insert(insertion);
if (recorded === 'duplicate') console.warn(`dispatched before, as ${holder}`);
if (recorded !== 'inserted') console.warn(`${recorded}: the ledger does not hold it, so nobody would notice if its agent died`);

// The callee: work only on what this call has begun. `unchanged`: another agent works on it. `refused`: it has already ended.
const begun = await ledger.setStatus(delegationId, 'in_progress');
if (begun.outcome === 'changed') {
  // Sends heartbeats until the block ends; `alive.signal` aborts when the delegation is no longer this agent's to work on.
  await using alive = ledger.keepAlive(delegationId);
  const result = await work(alive.signal);
  const { outcome } = await ledger.setStatus(delegationId, 'completed', { resultPreview: result });
  if (outcome === 'refused') console.warn('it had ended before this result came; the result was recorded as a late one');
} else {
  console.warn(`not begun here: ${begun.outcome}, it was ${begun.from}`);
}

// The caller, wherever it runs, learns within seconds what became of it: completed, failed or stuck, waiting, a late result.
for await (const { event } of ledger.watch([delegationId])) console.log(event);
console.log(await ledger.get(delegationId), await ledger.history(delegationId));

async function work(_signal: AbortSignal) {
  console.log('it works');
  return 'done';
}
