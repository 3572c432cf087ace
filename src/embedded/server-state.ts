import { open } from 'node:fs/promises';
import { seconds } from '../log/seconds.ts';
import type { DataHome } from './data-home.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { poll } from './poll.ts';
import { isServerOf, type PostmasterFile, readPostmasterFile } from './postmaster-file.ts';
import { signalProcess } from './process-table.ts';

/** Recovery after a crash is part of a start. */
const READY_TIMEOUT_MS = 120_000;
const LOG_TAIL_BYTES = 4_000;

/** Waits until the server that was just started accepts connections. Throws when it ends instead, or takes too long. */
export async function awaitReady(home: DataHome, pid: number, hasEnded: () => boolean): Promise<void> {
  const outcome = await readiness(home, pid, hasEnded);
  if (outcome === 'ready') return;
  const what = outcome === 'ended' ? 'ended while it started' : `was not ready within ${seconds(READY_TIMEOUT_MS)}`;
  throw new EmbeddedPostgresError(
    'start_failed',
    `The embedded PostgreSQL in ${home.dir} ${what}. The end of its log:\n${await logTail(home)}`,
  );
}

/** Waits for another process's server; false when it ends or stops instead, which its owner may do at any time. */
export async function becomesReady(home: DataHome, server: PostmasterFile): Promise<boolean> {
  return (await readiness(home, server.pid, async () => !(await isServerOf(home.cluster, server)))) === 'ready';
}

async function readiness(
  home: DataHome,
  pid: number,
  hasEnded: () => boolean | Promise<boolean>,
): Promise<'ready' | 'ended' | undefined> {
  return poll(READY_TIMEOUT_MS, async () => {
    if (await hasEnded()) return 'ended';
    const file = await readPostmasterFile(home.cluster);
    if (file?.pid !== pid) return undefined;
    if (file.status === 'stopping') return 'ended';
    return file.status === 'ready' ? 'ready' : undefined;
  });
}

/** The last lines of the server's log; empty when there is none. */
export async function logTail(home: DataHome): Promise<string> {
  try {
    await using log = await open(home.log, 'r');
    const { size } = await log.stat();
    const position = Math.max(0, size - LOG_TAIL_BYTES);
    const { buffer, bytesRead } = await log.read(Buffer.alloc(LOG_TAIL_BYTES), 0, LOG_TAIL_BYTES, position);
    return buffer.toString('utf8', 0, bytesRead).trimEnd();
  } catch {
    return '';
  }
}

/** Ends a server that this process's guardian does not watch: one that is ending already, or that its dead owner left. */
export async function stopServer(home: DataHome, server: PostmasterFile): Promise<void> {
  for (const [signal, timeoutMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 10_000],
    ['SIGKILL', 10_000],
  ] as const) {
    signalProcess(server.pid, signal);
    const hasEnded = await poll(timeoutMs, async () => !(await isServerOf(home.cluster, server)));
    if (hasEnded) return;
  }
  throw new EmbeddedPostgresError('start_failed', `PostgreSQL (pid ${server.pid}) in ${home.dir} does not end.`);
}
