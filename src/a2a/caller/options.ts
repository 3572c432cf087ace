import type { AgentCard, SendMessageRequest } from '@a2a-js/sdk';
import type { RequestOptions } from '@a2a-js/sdk/client';
import { type DelegationLedger, type InsertArguments, InvalidArgumentError } from '../../index.ts';

/** What a delegation is recorded with, where something else than the default is wanted. */
export type DelegationChoice = Partial<
  Pick<
    InsertArguments,
    | 'delegationId'
    | 'calleeId'
    | 'taskPreview'
    | 'deadline'
    | 'deadlineMs'
    | 'stuckAfterMs'
    | 'stalledAfterMs'
    | 'traceparent'
    | 'requestBody'
  >
>;

/** A message on its way to an agent, as the SDK's client hands it to the transport. */
export interface OutgoingMessage {
  readonly request: SendMessageRequest;
  readonly card: AgentCard;
  readonly options: RequestOptions | undefined;
}

export interface LedgerTransportOptions {
  readonly ledger: DelegationLedger;
  /** Who delegates: 1 to 200 characters. */
  readonly callerId: string;
  /**
   * For every message that begins a delegation, or a function of the message. Defaults: `delegationId` a new UUIDv7;
   * `calleeId` the agent's address, which is the first URL of its card, whichever transport is used, cut to 200 characters;
   * `taskPreview` the text of the message's parts; the ledger's deadline and threshold. A function that throws is as none.
   *
   *     delegation: ({ request }) => ({ delegationId: jobs.idOf(request.message), deadlineMs: 3_600_000 })
   */
  readonly delegation?: DelegationChoice | ((message: OutgoingMessage) => DelegationChoice) | undefined;
  /**
   * How long a task may wait for input or for an authorisation before its silence counts. Default 604800000 ms (seven days),
   * at most 2592000000 (30 days).
   */
  readonly waitForMs?: number | undefined;
  /**
   * The longest that a call waits for the ledger before the message goes out, and again before its result is handed over.
   * Default 500 ms. What is not written by then is written later.
   */
  readonly ledgerWaitMaxMs?: number | undefined;
  /**
   * How long without news a stream that broke is taken up again, by subscriptions and polls. Default 60000 ms; 0: not at
   * all.
   */
  readonly reconnectForMs?: number | undefined;
}

/** Options with their defaults. */
export interface CallerSettings {
  readonly ledger: DelegationLedger;
  readonly callerId: string;
  readonly delegation: (message: OutgoingMessage) => DelegationChoice;
  readonly waitForMs: number | undefined;
  readonly ledgerWaitMaxMs: number;
  readonly reconnectForMs: number;
}

const LEDGER_WAIT_MAX_DEFAULT_MS = 500;
const RECONNECT_FOR_DEFAULT_MS = 60_000;
/** A day: what is longer was meant otherwise. */
const DURATION_MAX_MS = 86_400_000;
const WAIT_FOR_MAX_MS = 30 * 86_400_000;

/** @throws InvalidArgumentError */
export function settingsOf(options: LedgerTransportOptions): CallerSettings {
  const { ledger, callerId, delegation = {}, waitForMs } = options;
  const { ledgerWaitMaxMs = LEDGER_WAIT_MAX_DEFAULT_MS, reconnectForMs = RECONNECT_FOR_DEFAULT_MS } = options;
  if (typeof ledger !== 'object' || ledger === null) throw new InvalidArgumentError('ledger', 'must be a ledger');
  if (typeof callerId !== 'string' || callerId === '') {
    throw new InvalidArgumentError('callerId', 'must be a text of 1 to 200 characters');
  }
  return {
    ledger,
    callerId,
    delegation: typeof delegation === 'function' ? delegation : () => delegation,
    waitForMs: waitForMs === undefined ? undefined : durationMs('waitForMs', waitForMs, 1, WAIT_FOR_MAX_MS),
    ledgerWaitMaxMs: durationMs('ledgerWaitMaxMs', ledgerWaitMaxMs),
    reconnectForMs: durationMs('reconnectForMs', reconnectForMs),
  };
}

function durationMs(field: string, value: unknown, minMs = 0, maxMs = DURATION_MAX_MS): number {
  if (typeof value === 'number' && value >= minMs && value <= maxMs) return value;
  throw new InvalidArgumentError(field, `must be a number of milliseconds from ${minMs} to ${maxMs}`);
}
