/**
 * Delegations are listed by hashes of caller and callee, whose entries are smaller and cheaper to write than the ids': the
 * indexes are built, and those of 0008 that they replace dropped, while agents work (src/db/finishing/indexes.ts). The
 * migration itself marks the schema from which on a ledger has them.
 */
export async function up(): Promise<void> {}

export async function down(): Promise<void> {}
