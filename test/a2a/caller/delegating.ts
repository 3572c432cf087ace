import type { StreamResponse } from '@a2a-js/sdk';
import type { Client, TransportFactory } from '@a2a-js/sdk/client';
import { ledgerTransport } from '../../../src/a2a/caller/ledger-transport.ts';
import type { LedgerTransportOptions } from '../../../src/a2a/caller/options.ts';
import type { Delegation } from '../../../src/ledger/delegation.ts';
import type { DelegationLedger } from '../../../src/ledger/ledger.ts';
import type { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { type ClientOptions, clientOf } from '../../support/a2a/client.ts';
import type { Queryable } from '../../support/wait-for.ts';

export const callerId = 'planner';

export interface DelegatingOptions extends Omit<ClientOptions, 'decorate'> {
  readonly transport?: Partial<LedgerTransportOptions>;
  /** Around the SDK's factory, within ours. */
  readonly inside?: (factory: TransportFactory) => TransportFactory;
}

/** The SDK's client of a scripted agent, whose messages are delegations. */
export function delegatingClient(
  agent: Pick<ScriptedAgent, 'card'>,
  ledger: DelegationLedger,
  { transport, inside = (factory) => factory, ...options }: DelegatingOptions = {},
): Promise<Client> {
  return clientOf(agent, {
    ...options,
    decorate: (factory) => ledgerTransport(inside(factory), { ledger, callerId, ...transport }),
  });
}

/** The delegation that began with this message. */
export async function delegationOf(ledger: DelegationLedger, db: Queryable, messageId: string): Promise<Delegation> {
  const [row] = await db.query<{ id: string }>(
    'SELECT delegation_id AS id FROM delegations WHERE caller_id = $1 AND idempotency_key = $2',
    [callerId, messageId],
  );
  if (row === undefined) throw new Error(`message ${messageId} began no delegation`);
  return (await ledger.get(row.id))!;
}

/** Every event of a stream. */
export async function eventsOf(stream: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
  const events: StreamResponse[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

export function kindsOf(events: readonly StreamResponse[]): string[] {
  return events.map(({ payload }) => payload!.$case);
}
