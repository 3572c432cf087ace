/** Something that runs beside others in the process, until it is told to stop. */
export interface Service {
  readonly name: string;
  /** Resolves when it runs. Called again, it changes nothing; after a stop it rejects. */
  start(): Promise<void>;
  /**
   * Resolves when nothing of it runs any more. May be called at any time, and again: before the start, when the start
   * failed, while it is still starting (whereupon the start settles), after a stop.
   */
  stop(): Promise<void>;
}
