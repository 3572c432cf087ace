import { readFile } from 'node:fs/promises';
import type { ProcessEntry, ProcessIdentity } from './process-entry.ts';
import { findByPs } from './ps.ts';

/** The kernel's USER_HZ, 100 on x64 and arm64. */
const TICKS_PER_S = 100;

/** Undefined when there is no such process, or only the zombie that it left. */
export function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  return process.platform === 'linux' ? findInProc(pid) : findByPs(pid);
}

async function findInProc(pid: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, cmdline, bootId, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
      readFile('/proc/stat', 'latin1').catch(() => ''),
    ]);
    // The name is in parentheses and may hold any character, also parentheses.
    const nameEnd = stat.lastIndexOf(')');
    const fields = stat.slice(nameEnd + 2).split(' ');
    const state = fields[0];
    if (state === 'Z' || state === 'X') return undefined;
    const startTicks = Number(fields[19]);
    return {
      pid,
      startTicks,
      startedAtS: Number(/^btime (\d+)$/m.exec(boot)?.[1]) + startTicks / TICKS_PER_S,
      bootId: bootId.trim(),
      program: stat.slice(stat.indexOf('(') + 1, nameEnd),
      commandLine: cmdline.split('\0').slice(0, -1),
    };
  } catch {
    return undefined;
  }
}

/** Whether this process, not a later one with its pid, still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const found = await findProcess(identity.pid);
  return found !== undefined && found.startTicks === identity.startTicks && found.bootId === identity.bootId;
}

/** Sends a signal; false when the process has ended. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw err;
  }
}
