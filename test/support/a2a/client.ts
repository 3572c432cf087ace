import {
  type Client,
  type ClientConfig,
  ClientFactory,
  JsonRpcTransportFactory,
  RestTransportFactory,
  type TransportFactory,
} from '@a2a-js/sdk/client';
import { GrpcTransportFactory } from '@a2a-js/sdk/client/grpc';
import type { Interceptor } from '@grpc/grpc-js';
import type { ScriptedAgent } from './agent-process.ts';
import type { Binding } from './card.ts';

export interface ClientOptions {
  /** Default JSONRPC. */
  readonly binding?: Binding;
  /** What an adapter does to the SDK's factory. */
  readonly decorate?: (factory: TransportFactory) => TransportFactory;
  /** Over HTTP. */
  readonly fetchImpl?: typeof fetch;
  /** Over gRPC. */
  readonly interceptors?: Interceptor[];
  readonly config?: ClientConfig;
}

/** The SDK's client of a scripted agent, over one transport. It speaks 0.3 with an agent that offers that alone. */
export function clientOf(agent: Pick<ScriptedAgent, 'card'>, options: ClientOptions = {}): Promise<Client> {
  const { binding = 'JSONRPC', decorate = (factory) => factory, config } = options;
  const factory = new ClientFactory({
    transports: [decorate(factoryOf(binding, options))],
    preferredTransports: [binding],
    ...(config && { clientConfig: config }),
  });
  return factory.createFromAgentCard(agent.card);
}

/** The SDK's own factory of a transport. */
export function factoryOf(binding: Binding, { fetchImpl, interceptors }: ClientOptions = {}): TransportFactory {
  const options = { legacyCompat: { enabled: true }, ...(fetchImpl && { fetchImpl }) };
  switch (binding) {
    case 'JSONRPC':
      return new JsonRpcTransportFactory(options);
    case 'HTTP+JSON':
      return new RestTransportFactory(options);
    case 'GRPC':
      return new GrpcTransportFactory({
        legacyCompat: { enabled: true },
        ...(interceptors && { grpcCallOptions: { interceptors } }),
      });
  }
}
