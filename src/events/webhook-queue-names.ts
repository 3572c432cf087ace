/** The queues of the ledger in the schema `public`; those of other schemas have its name as well. */
export const WEBHOOK_QUEUE = 'delegation-webhook';
export const DEAD_QUEUE = 'delegation-webhook-dead';
export const GROUP_QUEUE = 'delegation-webhook-group';
