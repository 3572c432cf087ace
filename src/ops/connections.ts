import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The open connections of a server, bounded. A new one is always let in, since it may be a probe that decides whether the
 * process lives: beyond the bound the oldest that waits for no answer is dropped, an idle or a slow client's, and only
 * when there is none, the oldest of all.
 */
export class Connections {
  readonly #max: number;
  /** In the order in which they came, with how many answers each waits for. */
  readonly #pending = new Map<Socket, number>();

  constructor(max: number) {
    this.#max = max;
  }

  opened(socket: Socket): void {
    this.#pending.set(socket, 0);
    socket.once('close', () => this.#pending.delete(socket));
    if (this.#pending.size > this.#max) this.#dropOneBefore(socket);
  }

  /** Its headers are in; it waits until the answer has been sent. */
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
    // At once, not at its `close`: several may come in one turn.
    this.#pending.delete(dropped);
    dropped.destroy();
  }
}
