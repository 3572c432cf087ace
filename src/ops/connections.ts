import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The open connections of a server, bounded. A new one is always accepted, since it may be a probe that decides whether
 * the process is restarted. Beyond the bound the oldest connection that waits for no answer is dropped, which belongs to an
 * idle or slow client; if every connection waits for one, the oldest of all is dropped.
 */
export class Connections {
  readonly #max: number;
  /** In order of arrival, with the number of answers that each waits for. */
  readonly #pending = new Map<Socket, number>();

  constructor(max: number) {
    this.#max = max;
  }

  opened(socket: Socket): void {
    this.#pending.set(socket, 0);
    socket.once('close', () => this.#pending.delete(socket));
    if (this.#pending.size > this.#max) this.#dropOneBefore(socket);
  }

  /** Its headers have arrived; it waits until the answer is sent. */
  asked({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#count(socket, 1);
    response.once('close', () => this.#count(socket, -1));
  }

  #count(socket: Socket, change: number): void {
    const pending = this.#pending.get(socket);
    if (pending !== undefined) this.#pending.set(socket, pending + change);
  }

  #dropOneBefore(newest: Socket): void {
    const others = [...this.#pending].filter(([socket]) => socket !== newest);
    const [dropped] = others.find(([, pending]) => pending === 0) ?? others[0] ?? [];
    if (!dropped) return;
    // At once, and not on its `close`: several connections may arrive in one turn of the event loop.
    this.#pending.delete(dropped);
    dropped.destroy();
  }
}
