import type { IsoInstant } from '../instant.ts';

/** The A2A task that a delegation is. */
export interface ExplainedTask {
  /** Without user info, query and fragment, which may hold a secret. */
  readonly agentUrl: string;
  readonly tenant: string | null;
  readonly taskId: string;
  readonly contextId: string | null;
  readonly createdAt: IsoInstant;
  readonly probe: TaskProbe;
}

/** Whether its agent is asked before the delegation is marked, by the configuration of whoever explains. */
export interface TaskProbe {
  readonly isEnabled: boolean;
  /** Why its agent may not be asked: one of a few fixed words; null where it may, or where none is asked. */
  readonly refusal: string | null;
  /** The last answer that was taken for it; null: none. */
  readonly lastAnswer: { readonly at: IsoInstant; readonly outcome: string } | null;
  /** When a sweep would ask, if nothing is heard until then; null: it would not. */
  readonly asksAt: IsoInstant | null;
}
