/**
 * pg-boss's clock: the host's time at the start, advanced by the monotonic clock from there. On the host's own clock its
 * timers would stand still for an hour when that is set back by an hour.
 */
export const monotonicClock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
  clearTimeout: (handle: unknown) => clearTimeout(handle as NodeJS.Timeout),
  setInterval: (run: () => void, ms: number) => setInterval(run, ms),
  clearInterval: (handle: unknown) => clearInterval(handle as NodeJS.Timeout),
};
