import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Receives push notifications, and keeps them. */
export class PushInbox implements AsyncDisposable {
  readonly #server: Server;
  #received: object[] = [];

  private constructor() {
    this.#server = createServer(async (req, res) => {
      const body = await text(req);
      const { 'content-type': type, 'x-a2a-notification-token': token } = req.headers;
      this.#received.push({ path: req.url, type, token, body: JSON.parse(body) });
      res.end();
    });
  }

  static async open(): Promise<PushInbox> {
    const inbox = new PushInbox();
    await new Promise<void>((listening) => inbox.#server.listen(0, '127.0.0.1', listening));
    return inbox;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/push`;
  }

  get received(): readonly object[] {
    return this.#received;
  }

  /** What came since it was last taken. */
  take(): object[] {
    const taken = this.#received;
    this.#received = [];
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
