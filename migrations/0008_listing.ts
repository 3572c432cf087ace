/**
 * Delegations are listed by status, caller and callee, newest first, by indexes that are built while agents work
 * (src/db/finishing/indexes.ts), after this migration: building them takes as long as the table is large. The migration
 * itself marks the schema from which on a ledger has them.
 */
export async function up(): Promise<void> {}

export async function down(): Promise<void> {}
