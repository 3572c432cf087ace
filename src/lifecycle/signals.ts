export interface ShutdownSignal extends Disposable {
  /** Resolves once, with the signal that asks for a shutdown. */
  readonly requested: Promise<NodeJS.Signals>;
  /** Resolves when a signal comes again later: the process is to end now. */
  readonly impatient: Promise<NodeJS.Signals>;
}

/** SIGHUP: the terminal or session that the process was started from has ended. */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Under `npm start` a Ctrl-C arrives twice within milliseconds: from the terminal, and forwarded by npm. */
const sameWithinMs = 1000;

/** Handles SIGTERM, SIGINT and SIGHUP until it is disposed. It does not keep the process alive. */
export function onShutdownSignal(): ShutdownSignal {
  const requested = Promise.withResolvers<NodeJS.Signals>();
  const impatient = Promise.withResolvers<NodeJS.Signals>();
  let firstAtMs: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    firstAtMs ??= nowMs;
    if (nowMs - firstAtMs >= sameWithinMs) impatient.resolve(signal);
    else requested.resolve(signal);
  };
  for (const signal of signals) process.on(signal, listener);
  return {
    requested: requested.promise,
    impatient: impatient.promise,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
