export const webhookActions = ['list', 'replay', 'test'] as const;
export type WebhookAction = (typeof webhookActions)[number];

/** Rows that `webhook list` prints. */
export const WEBHOOK_LIST_DEFAULT = 50;
