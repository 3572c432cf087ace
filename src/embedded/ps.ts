import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProcessEntry } from './process-entry.ts';

const run = promisify(execFile);
const environment = { env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }, timeout: 5_000 };

/** The same entry from `ps`, for systems without /proc (macOS). Undefined when there is no such process, or only its zombie. */
export async function findByPs(pid: number): Promise<ProcessEntry | undefined> {
  const column = async (format: string) => {
    const { stdout } = await run('ps', ['-p', String(pid), '-o', `${format}=`], environment);
    return stdout.trim();
  };
  try {
    const [state, started, program, args] = await Promise.all(['state', 'lstart', 'comm', 'args'].map(column));
    if (!state || /^[ZX]/.test(state)) return undefined;
    const startedAtS = Date.parse(`${started} UTC`) / 1000;
    if (!Number.isFinite(startedAtS)) return undefined;
    // The second in which it started, which is all that ps knows. It replaces the ticks and the boot.
    return {
      pid,
      startTicks: startedAtS,
      startedAtS,
      bootId: '',
      program: program!.split('/').at(-1)!,
      commandLine: args!.split(' '),
    };
  } catch {
    return undefined;
  }
}
