import type { DatabaseLocation } from '../db/connection.ts';
import type { SetStatusResult, Status } from '../index.ts';

/** What an agent does with the delegation that it takes. */
export interface Work {
  /** How long it works; it ends sooner when a heartbeat is answered with `terminal`. */
  readonly workMs: number;
  /** `insists`: delivers its result although a heartbeat answered that the delegation has ended. */
  readonly ending: 'completes' | 'fails' | 'insists';
}

/** From the demo to an agent, over Node's IPC channel: a password would be visible in arguments or the environment. */
export type Order =
  | { readonly kind: 'connect'; readonly agent: string; readonly location: DatabaseLocation; readonly dbSchema: string }
  | { readonly kind: 'take'; readonly delegationId: string; readonly work: Work };

/** From an agent to the demo. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'working' }
  | { readonly kind: 'told'; readonly status: Status }
  | { readonly kind: 'delivered'; readonly attempted: Status; readonly outcome: SetStatusResult['outcome'] };

export type OrderOf<K extends Order['kind']> = Extract<Order, { kind: K }>;

/** What an agent delivers. */
export function resultOf(agent: string): string {
  return `the result of ${agent}`;
}
