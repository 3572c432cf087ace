/** From sysexits.h, where one fits. */
export const exitCode = {
  done: 0,
  /** The answer is no: for example an unknown id, or a finding. */
  no: 1,
  usage: 64,
  unavailable: 69,
  internal: 70,
  configuration: 78,
  /** Ended early by a signal, as a shell reports Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
