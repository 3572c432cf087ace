import { AGENT_CARD_PATH, type AgentCard, type AgentInterface } from '@a2a-js/sdk';
import { DefaultAgentCardResolver } from '@a2a-js/sdk/client';
import { failureOf, ProbeFailure } from './probe-failure.ts';

/** The bindings that are asked, as a card names them. */
const BINDINGS: readonly string[] = ['JSONRPC', 'HTTP+JSON'];

/** Places where a card is looked for, from the agent's address upwards. */
const PLACES_MAX = 4;
const KEPT_MS = 300_000;
const KEPT_MAX = 1_000;

interface Kept {
  readonly card: AgentCard;
  readonly atMs: number;
}

/** How an agent is called, by its card, which is kept for five minutes. */
export class AgentCards {
  readonly #kept = new Map<string, Kept>();
  readonly #pending = new Map<string, Promise<AgentCard>>();

  /**
   * The card of the agent at this address, with the bindings that are asked alone. Where none can be had, it is taken for
   * a JSON-RPC address of protocol 1.0. @throws ProbeFailure
   */
  async cardOf(agentUrl: string, fetchImpl: typeof fetch): Promise<AgentCard> {
    const kept = this.#kept.get(agentUrl);
    if (kept !== undefined && performance.now() - kept.atMs < KEPT_MS) return kept.card;
    // Many tasks of one agent are asked for at once: its card is read once.
    const pending = this.#pending.get(agentUrl) ?? this.#read(agentUrl, fetchImpl);
    this.#pending.set(agentUrl, pending);
    return pending;
  }

  async #read(agentUrl: string, fetchImpl: typeof fetch): Promise<AgentCard> {
    try {
      return this.#keep(agentUrl, askable((await this.#find(agentUrl, fetchImpl)) ?? plainCard(agentUrl)));
    } finally {
      this.#pending.delete(agentUrl);
    }
  }

  #keep(agentUrl: string, card: AgentCard): AgentCard {
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(agentUrl, { card, atMs: performance.now() });
    return card;
  }

  /** The agent may have been changed. */
  forget(agentUrl: string): void {
    this.#kept.delete(agentUrl);
  }

  async #find(agentUrl: string, fetchImpl: typeof fetch): Promise<AgentCard | null> {
    const resolver = new DefaultAgentCardResolver({ fetchImpl, legacyCompat: { enabled: true } });
    for (const [index, place] of placesOf(agentUrl).entries()) {
      try {
        const card = await resolver.resolve(place, '');
        const interfaces = interfacesOf(card);
        // Below its own address a card is the agent's; further up it may be that of another one.
        const isOwn = index === 0 ? interfaces.length > 0 : interfaces.some(({ url }) => isSame(url, agentUrl));
        if (isOwn) return card;
      } catch (err) {
        const failure = failureOf(err);
        if (failure.outcome === 'no_answer' || failure.outcome === 'not_asked') throw failure;
      }
    }
    return null;
  }
}

/** Where the card of an agent may be: below its address, and below each part of its path. */
export function placesOf(agentUrl: string): string[] {
  const places: string[] = [];
  for (let base = agentUrl.replace(/[?#].*$/, '').replace(/\/*$/, '/'); ; base = new URL('..', base).href) {
    places.push(new URL(AGENT_CARD_PATH, base).href);
    if (new URL(base).pathname === '/') break;
  }
  return places.length <= PLACES_MAX ? places : [...places.slice(0, PLACES_MAX - 1), places.at(-1)!];
}

function isSame(url: string, agentUrl: string): boolean {
  return URL.parse(url)?.href.replace(/\/+$/, '') === URL.parse(agentUrl)?.href.replace(/\/+$/, '');
}

function interfacesOf(card: Partial<AgentCard> | null): readonly AgentInterface[] {
  const interfaces: unknown = card?.supportedInterfaces;
  return Array.isArray(interfaces) ? interfaces.filter((each) => typeof each?.url === 'string') : [];
}

function askable(card: AgentCard): AgentCard {
  const supportedInterfaces = interfacesOf(card).filter(({ protocolBinding }) =>
    BINDINGS.includes(String(protocolBinding).toUpperCase()),
  );
  if (supportedInterfaces.length === 0) throw new ProbeFailure('not_asked', 'binding');
  return { ...card, supportedInterfaces };
}

function plainCard(url: string): AgentCard {
  return {
    name: '',
    description: '',
    version: '',
    provider: undefined,
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' }],
    capabilities: { extensions: [] },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: [],
    defaultOutputModes: [],
    skills: [],
    signatures: [],
  };
}
