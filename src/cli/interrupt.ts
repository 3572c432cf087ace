import { exitCode } from '../compose/exit-code.ts';
import { onShutdownSignal } from '../lifecycle/signals.ts';

export interface Interrupt extends Disposable {
  /** Aborted by the first signal that asks the command to end. */
  readonly signal: AbortSignal;
}

/** Lets a command end in order. A second signal ends it at once, also while it only waits for the answer to be read. */
export function onInterrupt(): Interrupt {
  const shutdown = onShutdownSignal();
  const controller = new AbortController();
  void shutdown.requested.then((signal) => controller.abort(signal));
  void shutdown.impatient.then(() => process.exit(exitCode.interrupted));
  return { signal: controller.signal, [Symbol.dispose]: () => shutdown[Symbol.dispose]() };
}
