import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** What arrives is discarded. */
  swallowed: boolean;
}

/** A TCP port in front of the server, whose connections can be cut, delayed or swallowed (half open). */
export class TcpProxy implements AsyncDisposable {
  readonly #target: () => NetConnectOpts;
  readonly #links = new Set<Link>();
  readonly #server: Server;
  /** Swallowed, and not yet given up by the client. */
  readonly #halfOpen = new Set<Link>();
  #accepted = 0;
  #refusing = false;
  #stalled = false;

  private constructor(target: () => NetConnectOpts) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** `target` is called at each connection: a restarted server may have another socket. */
  static async open(target: () => NetConnectOpts): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((listening) => proxy.#server.listen(0, '127.0.0.1', listening));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection and refuses new ones until restore(). */
  cut(): void {
    this.#refusing = true;
    for (const link of this.#links) drop(link);
  }

  /** Delays everything, new connections too, until restore(); nothing is lost. */
  stall(): void {
    this.#stalled = true;
    for (const { client, server } of this.#links) {
      client.pause();
      server.pause();
    }
  }

  /**
   * Makes connections half open: neither side is notified, and nothing arrives any more. New connections work.
   * Returns how many were affected.
   */
  swallow(): number {
    const befallen = [...this.#links].filter(({ swallowed, client }) => !swallowed && !client.closed);
    for (const link of befallen) {
      link.swallowed = true;
      this.#halfOpen.add(link);
    }
    return befallen.length;
  }

  /** Connections that the client still uses although nothing arrives from them. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** Connections so far, refused ones too. */
  get accepted(): number {
    return this.#accepted;
  }

  restore(): void {
    this.#refusing = false;
    this.#stalled = false;
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((closed) => this.#server.close(() => closed()));
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const link: Link = { client, server: connect(this.#target()), swallowed: false };
    link.server.on('error', () => undefined);
    this.#links.add(link);
    for (const [from, to] of [
      [link.client, link.server],
      [link.server, link.client],
    ] as const) {
      from.on('data', (chunk) => {
        if (!link.swallowed) to.write(chunk);
      });
      // Flushed first: the server's last message says why it closed. A swallowed connection gets nothing, not even an end.
      from.on('close', () => {
        if (link.swallowed && from === link.client) this.#halfOpen.delete(link);
        if (link.swallowed) return;
        to.end();
        this.#links.delete(link);
      });
    }
    if (this.#stalled) {
      client.pause();
      link.server.pause();
    }
  }
}

function drop({ client, server }: Link): void {
  client.destroy();
  server.destroy();
}
