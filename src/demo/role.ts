import type { ActivityEvent, Delegation, Status } from '../index.ts';
import type { EventFields } from '../log/catalogue.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Work } from './agent-protocol.ts';

export type Act = EventFields<'demo.agent'>['act'];

/** What a role plays with. */
export interface Scene {
  readonly signal: AbortSignal;
  say(act: Act, detail: string): void;
  /** Once the ledger says that its delegation is over. */
  finished(): Promise<Delegation>;
  wait(ms: number): Promise<void>;
}

/** How a delegation has to stand in the ledger at the end. */
export interface Ending {
  readonly status: Status;
  /** Who moved it there: the activity's actor. */
  readonly by: string;
  readonly errorDetail: RegExp | null;
  /** Its whole stream, oldest first. */
  readonly activity: readonly ActivityEvent[];
  /** The preview that is kept: in the row, or beside it when it came too late. */
  readonly result: string | null;
}

/** One delegation of the demo and its agent. `play` returns what happened to the agent, in words. */
export type Role = {
  readonly name: string;
  readonly deadlineMs: number | null;
  readonly ending: Ending;
} & (
  | { readonly work: Work; readonly play: (scene: Scene, agent: AgentProcess) => Promise<string> }
  | { readonly work: null; readonly play: (scene: Scene) => Promise<string> }
);
