import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const TICK_MS = 10;

export interface Timed {
  readonly ms: number;
  /** Share of the machine, 0 to 1, that other processes used. */
  readonly foreign: number;
  /** CPU of this process, and of the server, in milliseconds. */
  readonly clientCpuMs: number;
  readonly serverCpuMs: number;
}

/** Times work, and measures how much of the machine other processes used meanwhile. */
export class Load {
  readonly #postmaster: number;

  constructor(postmasterPid: number) {
    this.#postmaster = postmasterPid;
  }

  async time(work: () => Promise<unknown>): Promise<Timed> {
    const before = this.#reading();
    const startedAtMs = performance.now();
    await work();
    const ms = performance.now() - startedAtMs;
    const after = this.#reading();
    const clientCpuMs = after.clientMs - before.clientMs;
    const serverCpuMs = after.serverMs - before.serverMs;
    const others = after.busyMs - before.busyMs - clientCpuMs - serverCpuMs;
    return { ms, clientCpuMs, serverCpuMs, foreign: Math.max(0, others / (ms * availableParallelism())) };
  }

  #reading() {
    const { user, system } = process.cpuUsage();
    return { clientMs: (user + system) / 1000, serverMs: this.#serverMs(), busyMs: busyMs() };
  }

  /** The server's running processes, and those that have ended. */
  #serverMs(): number {
    let ticks = 0;
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = statOf(name);
      if (!stat) continue;
      if (Number(name) === this.#postmaster) ticks += stat[11]! + stat[12]! + stat[13]! + stat[14]!;
      else if (stat[1] === this.#postmaster) ticks += stat[11]! + stat[12]!;
    }
    return ticks * TICK_MS;
  }
}

/** The fields of /proc/<pid>/stat after the program's name: state, ppid, ... */
function statOf(pid: string): number[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
  } catch {
    return undefined;
  }
}

function busyMs(): number {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'latin1')
    .split('\n')[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) * TICK_MS;
}

/** The process that a backend's parent is: the postmaster. */
export function parentOf(pid: number): number {
  return statOf(String(pid))![1]!;
}
