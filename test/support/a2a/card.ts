import type { AgentCard } from '@a2a-js/sdk';

/** The names of the transports, as a card and a TransportFactory have them. */
export const bindings = ['JSONRPC', 'HTTP+JSON', 'GRPC'] as const;
export type Binding = (typeof bindings)[number];
export type Version = '1.0' | '0.3';

export interface CardOptions {
  readonly name: string;
  /** Where each transport is served. */
  readonly urls: Readonly<Record<Binding, string>>;
  readonly version: Version;
  /** Those that it offers, in its order. Default: all. */
  readonly offered?: readonly Binding[];
  readonly streaming?: boolean;
  readonly tenant?: string;
}

export function cardOf({
  name,
  urls,
  version,
  offered = bindings,
  streaming = true,
  tenant = '',
}: CardOptions): AgentCard {
  return {
    name,
    description: 'does as the message says',
    supportedInterfaces: offered.map((protocolBinding) => ({
      url: urls[protocolBinding],
      protocolBinding,
      tenant,
      protocolVersion: version,
    })),
    provider: undefined,
    version: '1.0.0',
    capabilities: { streaming, pushNotifications: true, extensions: [], extendedAgentCard: false },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [],
    signatures: [],
  };
}
