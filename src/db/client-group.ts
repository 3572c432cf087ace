import type { Host } from '../address/database-address.ts';

/** What a group does to its clients. */
export interface GroupMember {
  /** No query is under way, and none has been answered since this instant of the process's monotonic clock. */
  isIdleSince(sinceMs: number): boolean;
  /** It is not handed out again; what is under way may end. */
  retire(err: Error): void;
  /** It ends now; what is under way fails. */
  cut(err: Error): void;
}

/** The clients of one pool, which share what they learn: which host is good, and that all of them may be outdated. */
export class ClientGroup {
  readonly #clients = new Set<GroupMember>();
  #good: string | undefined;

  add(client: GroupMember): void {
    this.#clients.add(client);
  }

  delete(client: GroupMember): void {
    this.#clients.delete(client);
  }

  /** The host that worked last comes first, so that not every connection waits for one that drops packets. */
  inOrder(hosts: readonly Host[]): readonly Host[] {
    return hosts.toSorted((a, b) => Number(keyOf(b) === this.#good) - Number(keyOf(a) === this.#good));
  }

  isGood(host: Host): void {
    this.#good = keyOf(host);
  }

  /**
   * What happened to one connection has likely happened to the others: left in the pool, each would fail a query before
   * it is dropped, one timeout after the other.
   */
  retireOthers(client: GroupMember, err: Error): void {
    for (const other of this.#clients) {
      if (other !== client) other.retire(err);
    }
  }

  /** Those from which nothing has been heard since, and nothing is expected. */
  retireIdle(sinceMs: number, err: Error): void {
    for (const client of this.#clients) {
      if (client.isIdleSince(sinceMs)) client.retire(err);
    }
  }

  /** Ends all of them now, whatever they are doing. */
  cutAll(err: Error): void {
    for (const client of this.#clients) client.cut(err);
  }
}

function keyOf({ host, port }: Host): string {
  return JSON.stringify([host, port]);
}
