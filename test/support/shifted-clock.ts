/**
 * Preloaded into a child: its host's clock is CLOCK_SHIFT_MS ahead of the real time, behind it when negative. SIGUSR2
 * sets the clock to CLOCK_STEP_MS ahead, like a correction while the process runs.
 */
const { CLOCK_SHIFT_MS = '0', CLOCK_STEP_MS = '0' } = process.env;
let shiftMs = Number(CLOCK_SHIFT_MS);
const RealDate = Date;
const now = () => RealDate.now() + shiftMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + shiftMs });
process.on('SIGUSR2', () => {
  shiftMs = Number(CLOCK_STEP_MS);
});
