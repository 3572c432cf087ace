import type { HeartbeatResult } from './heartbeat-result.ts';

/** An argument that the ledger does not accept; nothing was written. `field` names it. */
export class InvalidArgumentError extends Error {
  override readonly name = 'InvalidArgumentError';
  readonly code = 'INVALID_ARGUMENT';
  readonly field: string;

  constructor(field: string, accepted: string) {
    super(`${field} ${accepted}`);
    this.field = field;
  }
}

/** The reason of a keepAlive's signal: the delegation is no longer this agent's to work on. `result` says why. */
export class DelegationLostError extends Error {
  override readonly name = 'DelegationLostError';
  readonly code = 'DELEGATION_LOST';
  readonly result: HeartbeatResult;

  constructor(result: HeartbeatResult) {
    const state = result.outcome === 'terminal' ? `is ${result.status}` : 'is not in the ledger';
    super(`delegation ${result.delegationId} ${state}`);
    this.result = result;
  }
}
