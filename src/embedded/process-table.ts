import { readFile } from 'node:fs/promises';

/** A process as /proc shows it. A pid alone may be reused; with the start and the boot it names one process for ever. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's boot to the process's start. */
  readonly startTicks: number;
  readonly bootId: string;
}

export interface ProcessEntry extends ProcessIdentity {
  /** The program's name, at most 15 bytes. */
  readonly program: string;
  readonly commandLine: readonly string[];
}

/** Undefined when there is no such process, or only the zombie that it left. */
export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, cmdline, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
    ]);
    // The name stands in parentheses and may hold any character, further parentheses too.
    const nameEnd = stat.lastIndexOf(')');
    const fields = stat.slice(nameEnd + 2).split(' ');
    const state = fields[0];
    if (state === 'Z' || state === 'X') return undefined;
    return {
      pid,
      startTicks: Number(fields[19]),
      bootId: bootId.trim(),
      program: stat.slice(stat.indexOf('(') + 1, nameEnd),
      commandLine: cmdline.split('\0').slice(0, -1),
    };
  } catch {
    return undefined;
  }
}

/** Whether this very process, not a later one with its pid, still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const found = await findProcess(identity.pid);
  return found !== undefined && found.startTicks === identity.startTicks && found.bootId === identity.bootId;
}

/** Sends a signal; false when there is nobody left to get it. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw err;
  }
}
