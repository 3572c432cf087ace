import { execFile } from 'node:child_process';
import path from 'node:path';
import { keys } from '../../src/config/keys.ts';

const root = path.resolve(import.meta.dirname, '../..');

interface Pasted {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A block of commands as pasted into a shell in the checkout, with this configuration alone. */
export function paste(block: string, configuration: NodeJS.ProcessEnv): Promise<Pasted> {
  const env = { ...process.env };
  for (const name of ['NODE_OPTIONS', 'NODE_ENV', ...Object.values(keys).map((key) => key.env)]) delete env[name];
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-euo', 'pipefail', '-c', block],
      { cwd: root, env: { ...env, ...configuration } },
      (err, stdout, stderr) => resolve({ code: err ? err.code : 0, stdout, stderr }),
    );
  });
}
