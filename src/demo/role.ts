import type { ActivityEvent, Status } from '../index.ts';
import type { EventFields } from '../log/catalogue.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Work } from './agent-protocol.ts';

export type Act = EventFields<'demo.agent'>['act'];

/** What a role can use. */
export interface Scene {
  readonly signal: AbortSignal;
  say(act: Act, detail: string): void;
  /** Resolves when the orchestrator has heard that the delegation has ended in the ledger. */
  finished(): Promise<void>;
  wait(ms: number): Promise<void>;
}

/** What the ledger must hold about a delegation at the end. */
export interface Ending {
  readonly status: Status;
  /** Who may set the status: the activity's actor. Caller and agent of an A2A task both may. */
  readonly by: readonly string[];
  readonly errorDetail: RegExp | null;
  /** All its activity, oldest first. */
  readonly activity: readonly ActivityEvent[];
  /** The preview that is recorded: in the row, or in the activity when it came too late. */
  readonly result: string | null;
  /** Default: the first. */
  readonly attempt?: number;
}

/** One delegation of the demo and its agent. `play` returns what happened to the agent, in words. */
export type Role = {
  readonly name: string;
  readonly deadlineMs: number | null;
  /** The role whose delegation this one tries again, when that is stuck. */
  readonly retryOf?: string;
  readonly ending: Ending;
} & (
  | { readonly work: Work; readonly play: (scene: Scene, agent: AgentProcess) => Promise<string> }
  | { readonly work: null; readonly play: (scene: Scene) => Promise<string> }
);
