/** What a configuration of the model sets: `-D` names of model/protocol.pml, all of which it must have. */
export const defaults = {
  /** Delegations, each with an agent; their status at the start; the last instant. */
  DELEGATIONS: 1,
  START: 'in_progress',
  END: 5,
  /** The daemons' threshold at the start, and how long an agent that is alive may be silent, in ticks. */
  THRESHOLD: 1,
  PACE: 1,
  /** Daemons that sweep, sweeps of each, the STUCK_AFTER of each, and whether they sweep between the ticks of SWEEP_CRON. */
  SWEEPERS: 2,
  SWEEPS: 1,
  OWN: 1,
  IS_ON_TIME: false,
  /** Callers, transactions of each, and whether these may end the delegation or only hold its lock. */
  RIVALS: 0,
  RIVAL_CALLS: 1,
  RIVAL_ENDS: false,
  /** Daemons that leave beats, and how long there may be none without a gap; whether each tick has one while the database is up. */
  PULSES: 0,
  GAP_AFTER: 100,
  BEATS_ARE_LEFT: false,
  /** Instead: a beat has been left whenever a sweep reads. */
  BEATS_ALWAYS: false,
  OUTAGES: 0,
  /** How often the daemon with the longer threshold ends or comes back; both thresholds. */
  CHANGES: 0,
  LONG: 4,
  SHORT: 2,
  /** What agents do: heartbeats, of which one may be rolled back, completions, waits of so many ticks. */
  HEARTBEATS: true,
  HEARTBEATS_FAIL: false,
  COMPLETES: false,
  /** Whether an agent may fall silent, and whether it may go on after that. */
  FALLS_SILENT: true,
  ZOMBIES: true,
  WAITS: 0,
  /** Ticks of work until a delegation is overdue. 200: none is. */
  DEADLINE: 200,
  /** The claim that a mark of a living agent breaks; silence that each mark `stuck` must have exceeded; after which a sweep must mark. */
  STUCK_CLAIM: 'a_sign_of_life_wins',
  SILENT_FOR: 1,
  FOUND_AFTER: 1,
} as const;

export type Parameters = Partial<Record<keyof typeof defaults, string | number | boolean>>;

/** One search of all states. */
export interface Configuration {
  readonly name: string;
  readonly about: string;
  readonly parameters: Parameters;
  /** What is searched for: a state that breaks a claim, or a run that never comes to an end. */
  readonly search: 'states' | 'cycles';
}

/** The model with one rule broken, as others have had it: Spin must find the run that breaks the claim. */
export interface Mutation {
  /** The name that is defined. */
  readonly name: string;
  readonly about: string;
  readonly claim: string;
  /** The configuration in which it shows. */
  readonly in: string;
}
