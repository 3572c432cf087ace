import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { poll } from './poll.ts';
import { findProcess, signalProcess } from './process-table.ts';
import { asUser, type ServerUser } from './server-user.ts';

/**
 * The shell between this process and the server. Its descriptor 3 is a socket whose other end only this process holds:
 * however this process ends, the kernel closes it, `read` returns and the server is shut down. The shell first sends the
 * server's pid on it. Being its own session, it gets no signal that is meant for this process (Ctrl-C, SIGTERM to all).
 * SIGINT is sent each second: a server that has just begun does not hear it yet, and one that shuts down is not hurried by it.
 */
const SCRIPT = `
temporary_dir=$1; shift
"$@" </dev/null 3<&- &
server=$!
exec 4>&-
trap '' HUP INT QUIT TERM PIPE
echo "$server" >&3
read -r _ <&3
{
  seconds=0
  while kill -INT "$server" 2>/dev/null; do
    sleep 1
    seconds=$((seconds + 1))
    if [ "$seconds" -eq 20 ]; then kill -QUIT "$server" 2>/dev/null; fi
    if [ "$seconds" -eq 30 ]; then kill -KILL "$server" 2>/dev/null; break; fi
  done
} >/dev/null 2>&1 3<&- &
watchdog=$!
wait "$server"
status=$?
kill -KILL "$watchdog" 2>/dev/null
if [ -n "$temporary_dir" ]; then rmdir "$temporary_dir" 2>/dev/null; fi
exit "$status"
`;

const FAST_SHUTDOWN_MS = 20_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const PID_REPORT_MS = 10_000;
const LAST_WORDS_MS = 2_000;

export interface Guardian {
  readonly serverPid: number;
  /** Whether every process of the server has ended. */
  hasEnded(): boolean;
  /** Shuts the server down, fast first, then by force. Idempotent; resolves when it has ended, within half a minute. */
  stop(): Promise<void>;
}

/** Starts `command` under a guardian. Nothing here keeps the event loop alive, unless stop() is awaited. */
export async function startGuarded(
  command: readonly string[],
  options: { user: ServerUser; logFd: number; temporaryDir: string | undefined },
): Promise<Guardian> {
  const child = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'delegation-sweeper-guardian', options.temporaryDir ?? '', ...command],
    {
      ...asUser(options.user),
      detached: true,
      // 4 stays open in the server and all its backends; this process only sees it close.
      stdio: ['ignore', options.logFd, options.logFd, 'pipe', 'pipe'],
    },
  );
  const lifeline = child.stdio[3] as Socket;
  const presence = child.stdio[4] as Socket;
  const guarded = new GuardedServer(child, lifeline, presence);
  await guarded.started();
  return guarded;
}

class GuardedServer implements Guardian {
  readonly #lifeline: Socket;
  #serverPid = 0;
  #ended = false;
  #guardianGone = false;
  #spawnError: Error | undefined;
  #stopping: Promise<void> | undefined;

  constructor(child: ChildProcess, lifeline: Socket, presence: Socket) {
    this.#lifeline = lifeline;
    presence.on('error', () => undefined).on('close', () => this.#onServerGone());
    presence.resume();
    lifeline.on('error', () => undefined).on('data', (chunk) => this.#onReport(String(chunk)));
    child.once('error', (err) => {
      this.#spawnError = err;
      this.#guardianGone = true;
    });
    child.once('exit', () => this.#onGuardianGone());
    child.unref();
    presence.unref();
    lifeline.unref();
  }

  get serverPid(): number {
    return this.#serverPid;
  }

  async started(): Promise<void> {
    await poll(PID_REPORT_MS, () => this.#serverPid > 0 || this.#guardianGone);
    if (this.#serverPid > 0) return;
    this.#lifeline.destroy();
    throw new Error('the server could not be started', { cause: this.#spawnError });
  }

  hasEnded(): boolean {
    return this.#ended;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#guardianGone && !this.#ended) signalProcess(this.#serverPid, 'SIGINT');
    this.#lifeline.destroy();
    if (!(await this.#endsWithin(FAST_SHUTDOWN_MS))) {
      signalProcess(this.#serverPid, 'SIGQUIT');
      if (!(await this.#endsWithin(IMMEDIATE_SHUTDOWN_MS))) signalProcess(this.#serverPid, 'SIGKILL');
    }
    await poll(LAST_WORDS_MS, () => this.#guardianGone);
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    // The pid is checked as well: a process that a backend started (COPY TO PROGRAM) may hold 4 longer than the server.
    const ended = await poll(timeoutMs, async () => this.#ended || (await findProcess(this.#serverPid)) === undefined);
    return ended === true;
  }

  #onReport(line: string): void {
    this.#serverPid ||= Number.parseInt(line, 10);
  }

  #onServerGone(): void {
    this.#ended = true;
    this.#lifeline.destroy();
  }

  /** It has either seen the server end, or was killed: then this process must stop the server. */
  #onGuardianGone(): void {
    this.#guardianGone = true;
    if (this.#serverPid > 0 && !this.#ended) this.stop().catch(() => undefined);
  }
}
