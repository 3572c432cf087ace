import type { AgentCard } from '@a2a-js/sdk';
import type { TransportFactory } from '@a2a-js/sdk/client';
import { CallerTransport } from './caller-transport.ts';
import { Calls } from './calls.ts';
import { KnownTasks } from './known-tasks.ts';
import { type LedgerTransportOptions, settingsOf } from './options.ts';
import { Patience } from './patience.ts';

/**
 * A factory of the SDK's whose transports record each message as a delegation, and what the agent does with it. Goes around
 * any TransportFactory of `ClientFactoryOptions.transports`: JSON-RPC, REST or gRPC, of protocol 1.0 or 0.3.
 *
 *     const factory = new ClientFactory({
 *       transports: [new JsonRpcTransportFactory(), new RestTransportFactory()].map((transport) =>
 *         ledgerTransport(transport, { ledger, callerId: 'planner', delegation: { deadlineMs: 3_600_000 } }),
 *       ),
 *     });
 *     const client = await factory.createFromUrl('https://coder.example');
 *     for await (const event of client.sendMessageStream({ message })) show(event);
 *
 * A message without a task begins a delegation (its id is the idempotency key), one with a task goes on with that task's and
 * ends its wait. Every event is a transition or a sign of life; a poll whose answer has not changed, and the snapshot that
 * opens a subscription, are none. Silence is none either: while an agent streams nothing, its own heartbeats or the
 * daemon's probe answer for it.
 *
 * What the client sends, gets and throws is that of the transport in it, with one exception: a stream that breaks before its
 * task is at rest goes on with a subscription, or with polls where there is none to be had, without what the reader has seen
 * already. Where that fails for `reconnectForMs`, or the agent confirms that it ended its stream, the reader gets the end
 * that the transport gave.
 *
 * The ledger never fails a call. It delays one by `ledgerWaitMaxMs` before and after at most: in both, together, two round
 * trips; within a stream none.
 *
 * @throws InvalidArgumentError for options that are none; the calls themselves throw what the transport throws.
 */
export function ledgerTransport(factory: TransportFactory, options: LedgerTransportOptions): TransportFactory {
  const settings = settingsOf(options);
  const tasks = new KnownTasks();
  const patience = new Patience(settings.ledgerWaitMaxMs);
  return {
    get protocolName() {
      return factory.protocolName;
    },
    create: async (url: string, card: AgentCard) => {
      const agentUrl = card.supportedInterfaces?.[0]?.url || url;
      const calls = new Calls(settings, tasks, patience, card, agentUrl);
      return new CallerTransport(await factory.create(url, card), calls, settings.reconnectForMs);
    },
  };
}
