import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Every migration, in order: each change of the schema adds one. */
export const migrationNames: readonly string[] = readdirSync(
  fileURLToPath(new URL('../../migrations', import.meta.url)),
)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();

export const newestMigration: string = migrationNames.at(-1)!;
