import type { History } from './history.ts';

const EVERY_MS = 250;
const LATE_MS = 750;

/**
 * Where this process does not get the processor for so long, no agent may have got it: a heartbeat that comes late then says
 * nothing of the library.
 */
export function watchMachine(history: History): Disposable {
  let wokenAt = Date.now();
  const timer = setInterval(() => {
    const startAt = wokenAt;
    wokenAt = Date.now();
    if (wokenAt - startAt > LATE_MS) history.hinder('all', { startAt, endAt: wokenAt });
  }, EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
