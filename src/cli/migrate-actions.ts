export const migrateActions = ['up', 'down', 'status'] as const;
export type MigrateAction = (typeof migrateActions)[number];
