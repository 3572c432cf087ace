import type { A2aObservation } from '../../ledger/a2a-observation.ts';

/** The A2A task that a suspect is. */
export interface SuspectTask {
  readonly delegationId: string;
  /** Where its agent is called. */
  readonly agentUrl: string;
  /** Empty: none. */
  readonly tenant: string;
  readonly taskId: string;
}

/**
 * Why nothing was heard of a task: its agent does not know it; refuses to answer; did not answer in time, or could not be
 * reached; gave an answer that cannot be used; or may not be asked.
 */
export const silentOutcomes = ['unknown_task', 'refused', 'no_answer', 'unusable', 'not_asked'] as const;

export type SilentOutcome = (typeof silentOutcomes)[number];

export type ProbeAnswer =
  | {
      readonly seen: A2aObservation;
      /** The same as long as nothing about the task changes. */
      readonly fingerprint: string;
    }
  | {
      readonly outcome: SilentOutcome;
      /** One of a few fixed words, never a text of the agent. */
      readonly reason: string;
    };

export interface ProbeLimits {
  /** From the start until the last answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks agents for their tasks. */
export interface SuspectProbe {
  /** Why this agent may not be asked, as the reason of `not_asked`; null: it may. */
  refusal(agentUrl: string): string | null;
  /**
   * Asks for all of them at once, and hands on each answer as it comes. Resolves when all have answered or the time is up;
   * never rejects.
   */
  ask(
    tasks: readonly SuspectTask[],
    limits: ProbeLimits,
    take: (task: SuspectTask, answer: ProbeAnswer) => Promise<void>,
  ): Promise<void>;
}

/** What the sweep needs to ask. */
export interface ProbeOptions {
  readonly probe: SuspectProbe;
  /** Suspects asked in one sweep, at most. */
  readonly asksMax: number;
  readonly timeoutMs: number;
}
