import { createHash } from 'node:crypto';

/** 1 to 200 characters, none of them a control character or a lone surrogate. */
const LEDGER_ID = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

const CALLEE_CHARACTERS_MAX = 200;

/** An agent's name in the ledger where none was chosen: the same for its callers and for itself. */
export function calleeOf(agentUrl: string): string {
  return agentUrl.slice(0, CALLEE_CHARACTERS_MAX);
}

/** Whether the ledger takes it as an id. */
export function isLedgerId(text: string): boolean {
  return LEDGER_ID.test(text);
}

/**
 * The ledger's idempotency key of a message: its id, so that a message that is sent again, and the agent's own ledger, find
 * the same delegation. The digest of an id that the ledger would refuse; undefined for a message without one.
 */
export function idempotencyKeyOf(messageId: string | undefined): string | undefined {
  if (messageId === undefined || messageId === '') return undefined;
  return isLedgerId(messageId) ? messageId : `sha256:${createHash('sha256').update(messageId).digest('hex')}`;
}
