import type { Concurrent } from './operation.ts';
import { hold, release } from './reference-hold.ts';
import { foreign, insert, type Ledger, setStatus } from './reference-ledger.ts';
import { adjust, resume, wait } from './reference-meaning.ts';
import { retry } from './reference-retries.ts';

/** The model, all of it. */
export * from './reference-ledger.ts';
export * from './reference-meaning.ts';
export * from './reference-retries.ts';
export * from './reference-sweep.ts';

/** What changes one delegation, or an operator's hold, and answers an outcome. */
export type Simple = Exclude<Concurrent, { op: 'sweep' | 'beat' | 'heartbeat' | 'heartbeatMany' }>;

export function apply(ledger: Ledger, operation: Simple): { ledger: Ledger; result: object } {
  switch (operation.op) {
    case 'insert':
      return insert(ledger, operation);
    case 'setStatus':
      return setStatus(ledger, operation);
    case 'wait':
      return wait(ledger, operation);
    case 'resume':
      return resume(ledger, operation);
    case 'adjust':
      return adjust(ledger, operation);
    case 'retry':
      return retry(ledger, operation);
    case 'hold':
      return hold(ledger, operation);
    case 'release':
      return release(ledger);
    case 'foreign':
      return foreign(ledger, operation);
  }
}
