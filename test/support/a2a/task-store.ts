import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

/** Creates the tables of the SDK's DatabaseTaskStore, by the SDK's own command. */
export async function createTaskTables(databaseUrl: string): Promise<void> {
  const sdk = createRequire(import.meta.url).resolve('@a2a-js/sdk');
  const command = path.join(path.dirname(sdk), 'cli', 'a2a_db.js');
  await promisify(execFile)(process.execPath, [command, 'upgrade', '--url', databaseUrl]);
}
