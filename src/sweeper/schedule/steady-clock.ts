/**
 * pg-boss's clock: the host's time at the start, and from there on steady. On the host's own clock its timers would
 * stand still for an hour when that is set back by one.
 */
export const steadyClock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
  clearTimeout: (handle: unknown) => clearTimeout(handle as NodeJS.Timeout),
  setInterval: (run: () => void, ms: number) => setInterval(run, ms),
  clearInterval: (handle: unknown) => clearInterval(handle as NodeJS.Timeout),
};
