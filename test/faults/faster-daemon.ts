import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { startDebianServer } from '../conformance/debian-server.ts';
import { type NodeStart, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { fasterTime } from '../support/faster-time.ts';
import type { Env } from '../support/program.ts';
import { addressOf, proxied } from '../support/proxied.ts';

export interface FasterDaemon {
  /** Past the proxy. */
  readonly database: TestDatabase;
  /** Between the daemon and its server. */
  readonly proxy: TcpProxy;
  readonly daemon: TestDaemon;
  /** The server's clock, in milliseconds since 1970. */
  now(): Promise<number>;
  /** The status code of the daemon's answer to this path. */
  answer(path: string): Promise<number>;
}

/** The whole daemon, as `start` runs it, and a server of its own, both in time that passes so many times as fast. */
export async function startFasterDaemon(
  undo: AsyncDisposableStack,
  { factor, env = {}, ...node }: { factor: number; env?: Env } & NodeStart,
): Promise<FasterDaemon> {
  const faster = fasterTime(factor);
  const database = undo.use(await createTestDatabase(await startDebianServer(undo, { env: faster })));
  const proxy = undo.use(await TcpProxy.open(() => addressOf(database.url)));
  const daemon = undo.use(startDaemon(proxied(database.url, proxy), { ...faster, ...env }, node));
  const { port } = await daemon.until('ops.listening');
  return {
    database,
    proxy,
    daemon,
    now: async () => {
      const clock = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now';
      return (await database.query<{ now: number }>(clock))[0]!.now;
    },
    answer: async (path) => {
      // An idle connection would be closed by the daemon's clock, which this process does not go by.
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
      await response.text();
      return response.status;
    },
  };
}
