import { createHash } from 'node:crypto';

/** An id that the ledger takes: 1 to 200 characters, none of them a control character or a lone surrogate. */
const LEDGER_ID = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/**
 * The ledger's idempotency key of a message: its id, so that a message that is sent again, and the agent's own ledger, find
 * the same delegation. The digest of an id that the ledger would refuse; undefined for a message without one.
 */
export function idempotencyKeyOf(messageId: string | undefined): string | undefined {
  if (messageId === undefined || messageId === '') return undefined;
  return LEDGER_ID.test(messageId) ? messageId : `sha256:${createHash('sha256').update(messageId).digest('hex')}`;
}
