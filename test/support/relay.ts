import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP port in front of the test server that can be closed and opened again: to its clients, a server that is away. */
export class Relay implements AsyncDisposable {
  readonly #to: { path: string } | { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(databaseUrl: string) {
    const url = new URL(databaseUrl);
    const socketDir = url.searchParams.get('host');
    const port = Number(url.port || 5432);
    this.#to = socketDir ? { path: `${socketDir}/.s.PGSQL.${port}` } : { host: url.hostname, port };
  }

  /** Open, on a port of its own. */
  static async open(databaseUrl: string): Promise<Relay> {
    const relay = new Relay(databaseUrl);
    await relay.open();
    return relay;
  }

  /** The database's URL through this port. */
  urlOf(databaseUrl: string): string {
    const { username, password, pathname } = new URL(databaseUrl);
    const user = [username || 'postgres', password].filter((part) => part !== '').join(':');
    return `postgresql://${user}@127.0.0.1:${this.#port}${pathname}`;
  }

  async open(): Promise<void> {
    const server = createServer((client) => this.#join(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Ends every connection; new ones are refused. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #join(client: Socket): void {
    const upstream = connect(this.#to);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from
        .on('error', () => undefined)
        .on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      from.pipe(to);
    }
  }
}
