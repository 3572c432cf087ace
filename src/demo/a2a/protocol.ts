import type { DatabaseLocation } from '../../db/connection.ts';

/** Where the ledger is. */
export interface LedgerPlace {
  readonly location: DatabaseLocation;
  readonly dbSchema: string;
}

/** From the demo to an agent's server. `ledger: null`: a server of the SDK alone, which knows of no ledger. */
export type ServerOrder =
  | { readonly kind: 'serve'; readonly agent: string; readonly ledger: LedgerPlace | null }
  | { readonly kind: 'cut' };

export type ServerReport = { readonly kind: 'listening'; readonly url: string };

/** From the demo to a process that calls agents. */
export type CallerOrder =
  | { readonly kind: 'connect'; readonly ledger: LedgerPlace }
  | {
      readonly kind: 'call';
      readonly role: string;
      readonly agent: string;
      readonly url: string;
      readonly work: Work;
      /** Whether a stream that breaks is taken up again. */
      readonly reconnects: boolean;
    }
  | { readonly kind: 'answer'; readonly role: string };

/** What a caller sees of a call; `about` is the role. */
export type CallerReport = { readonly about?: string } & (
  | { readonly kind: 'connected' }
  | { readonly kind: 'working' | 'asked' | 'broken' | 'delivered' | 'failed' }
  | { readonly kind: 'told'; readonly status: string }
);

export const CALLER = 'planner';

export function delegationIdOf(role: string): string {
  return `demo-${role}`;
}

/** What an agent does, as the metadata of the message that it gets. */
export interface Work {
  /** How long it works, and says so each second. */
  readonly workMs: number;
  /** `returns`: without a word, as an executor with a mistake in it. */
  readonly ending: 'completes' | 'asks' | 'returns';
}

/** What the agent delivers. */
export function resultOf(role: string): string {
  return `the result of ${role}`;
}
