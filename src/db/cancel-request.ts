import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What a cancel request must name: a session's server process and its key. */
export interface CancelTarget {
  readonly host: string;
  readonly port: number;
  readonly ssl: pg.ClientConfig['ssl'];
  readonly processID: number;
  readonly secretKey: number;
}

/** Waits before the next attempts, until one was delivered: the server may be reachable a moment later. */
const ATTEMPT_WAITS_MS = [0, 1_000, 5_000, 20_000];
const ATTEMPT_TIMEOUT_MS = 2_000;

/**
 * Asks the server to cancel what the session is running, over a separate connection. Without it a client that gave up
 * leaves a backend that works or waits for a lock to no purpose, until no backend is free. Resolves after the first
 * attempt, which takes two seconds at most; further attempts follow in the background. Never throws.
 */
export async function requestCancel(target: CancelTarget): Promise<void> {
  if (await attempt(target)) return;
  void repeat(target);
}

async function repeat(target: CancelTarget): Promise<void> {
  for (const waitMs of ATTEMPT_WAITS_MS.slice(1)) {
    await sleep(waitMs, undefined, { ref: false });
    if (await attempt(target)) return;
  }
}

/** Parts of node-postgres' Client that its types leave out. */
interface RawConnection extends NodeJS.EventEmitter {
  readonly stream: NodeJS.EventEmitter & { destroy(): void };
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}

/** Whether the request was delivered: the server answers it by closing the connection. */
async function attempt({ host, port, ssl, processID, secretKey }: CancelTarget): Promise<boolean> {
  const connection = new (pg.Connection as unknown as new (config: object) => RawConnection)({ ssl });
  const sent = Promise.withResolvers<boolean>();
  let delivered = false;
  const send = () => {
    connection.cancel(processID, secretKey);
    delivered = true;
  };
  connection.on('connect', () => (ssl ? connection.requestSsl() : send()));
  connection.on('sslconnect', send);
  connection.on('error', () => sent.resolve(false));
  connection.on('end', () => sent.resolve(delivered));
  const timer = setTimeout(() => sent.resolve(false), ATTEMPT_TIMEOUT_MS);
  try {
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
    return await sent.promise;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    connection.stream.destroy();
  }
}
