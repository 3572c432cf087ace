/** A process as the system shows it. A pid may be reused; together with the start and the boot it is unique. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's boot to the process's start; without /proc, the second in which it started. */
  readonly startTicks: number;
  readonly bootId: string;
}

export interface ProcessEntry extends ProcessIdentity {
  /** The program's name, at most 15 bytes. */
  readonly program: string;
  readonly commandLine: readonly string[];
  /** When it started, in seconds since 1970, to a second or two. */
  readonly startedAtS: number;
}
