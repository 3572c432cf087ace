/** The queues of the ledger in the schema `public`; those of other schemas have its name as well. */
export const WEBHOOK_QUEUE = 'delegation-webhook';
export const DEAD_QUEUE = 'delegation-webhook-dead';
export const GROUP_QUEUE = 'delegation-webhook-group';

/** A regular expression, of PostgreSQL and of JavaScript: a queue of some ledger's webhook. Its group is what ledgerQueue added. */
export const WEBHOOK_QUEUES = `^(?:${[WEBHOOK_QUEUE, DEAD_QUEUE, GROUP_QUEUE].join('|')})((?:\\.(?:[A-Za-z0-9_-]|/[0-9a-f]{2})+)?)$`;
