import { promises as dns, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Slots } from '../lifecycle/slots.ts';
import { mayConnect } from './address-check.ts';
import { NetworkFailure } from './network-failure.ts';

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Node resolves names in four threads, which the database's connections need as well. */
const LOOKUPS_MAX = 2;

const systemResolve: Resolve = (hostname) => dns.lookup(hostname, { all: true });

/**
 * Resolves names for a connection, at the moment of connecting, and hands on only addresses that may be connected to: what
 * a name resolved to before does not matter.
 */
export class CheckedLookup {
  readonly #allowPrivate: boolean;
  readonly #resolve: Resolve;
  readonly #slots = new Slots(LOOKUPS_MAX);

  constructor(allowPrivate: boolean, resolve: Resolve = systemResolve) {
    this.#allowPrivate = allowPrivate;
    this.#resolve = resolve;
  }

  /** An address in the place of a name is never looked up. @throws NetworkFailure */
  check(address: string): void {
    if (!mayConnect(address, { allowPrivate: this.#allowPrivate })) throw new NetworkFailure('private_address');
  }

  /** For the option `lookup` of a request. */
  function(signal: AbortSignal): LookupFunction {
    return (hostname, { all }, callback) => {
      this.#addresses(hostname, signal).then(
        (addresses) => {
          const [first] = addresses;
          if (all) callback(null, [...addresses]);
          else callback(null, first!.address, first!.family);
        },
        (err: Error) => callback(err, []),
      );
    };
  }

  async #addresses(hostname: string, signal: AbortSignal): Promise<readonly LookupAddress[]> {
    const giveBack = await this.#slots.take(signal);
    try {
      const found = await this.#resolve(hostname);
      const allowed = found.filter(({ address }) => mayConnect(address, { allowPrivate: this.#allowPrivate }));
      if (allowed.length === 0) throw new NetworkFailure(found.length === 0 ? 'name_not_found' : 'private_address');
      return allowed;
    } finally {
      giveBack();
    }
  }
}
