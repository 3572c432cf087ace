import { isNativeError } from 'node:util/types';
import type pg from 'pg';
import type { DatabaseAddress, Host } from '../address/database-address.ts';
import type { ClientGroup } from './client-group.ts';
import { driverConfig } from './driver-config.ts';
import { Session } from './session.ts';

export interface Attempts {
  /** Called with each session before it begins. */
  attempt(session: Session): void;
  /** Whether nothing waits for the connection any more. */
  isGivenUp(): boolean;
}

/**
 * Tries the hosts in turn until one is of the kind asked for, within `timeoutMs` in all. Throws the error of the only
 * host, or an AggregateError with one error per host.
 */
export async function openSession(
  address: DatabaseAddress,
  driver: pg.ClientConfig,
  timeoutMs: number,
  group: ClientGroup,
  attempts: Attempts,
): Promise<Session> {
  const deadlineMs = performance.now() + timeoutMs;
  const errors: unknown[] = [];
  const hosts = group.inOrder(address.hosts);
  for (const [index, host] of hosts.entries()) {
    const shareMs = Math.max(1, (deadlineMs - performance.now()) / (hosts.length - index));
    const config = { ...driver, ...driverConfig(address, host), connectionTimeoutMillis: shareMs };
    const session = new Session(config, address.target);
    attempts.attempt(session);
    try {
      await session.open(shareMs);
      group.isGood(host);
      return session;
    } catch (err) {
      void session.client.end().catch(() => {});
      errors.push(named(err, host, hosts.length));
    }
    if (attempts.isGivenUp()) break;
  }
  if (errors.length === 1) throw errors[0];
  throw new AggregateError(errors, 'none of the hosts can be used');
}

/** With several hosts the error names its host. */
function named(err: unknown, { host, port }: Host, hosts: number): unknown {
  if (hosts === 1 || !isNativeError(err) || err.message.includes(host)) return err;
  return Object.assign(new Error(`${host}:${port ?? 5432}: ${err.message}`, { cause: err }), {
    code: (err as { code?: unknown }).code,
  });
}
