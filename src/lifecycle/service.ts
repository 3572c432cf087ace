/** A part of the process that runs until it is stopped. */
export interface Service {
  readonly name: string;
  /** Resolves when it runs. A second call changes nothing; after a stop it rejects. */
  start(): Promise<void>;
  /**
   * Resolves when nothing of it runs any more. May be called at any time and repeatedly: before the start, after a failed
   * start, during the start (which then settles), after a stop.
   */
  stop(): Promise<void>;
}
