/**
 * A node whose clock is wrong: `LATCHKEY_TEST_CLOCK_SHIFT_MS` off, or running too fast or slow by
 * `LATCHKEY_TEST_CLOCK_DRIFT` (0.1: 66 s a minute), monotonic clock and timers' idea of time included. Imported first.
 */
const shiftMs = Number(process.env.LATCHKEY_TEST_CLOCK_SHIFT_MS ?? 0);
const drift = Number(process.env.LATCHKEY_TEST_CLOCK_DRIFT ?? 0);
if (shiftMs !== 0 || drift !== 0) {
  const realNow = Date.now.bind(Date);
  const realMonotonic = performance.now.bind(performance);
  const began = realNow();
  Date.now = () => Math.round(realNow() + shiftMs + (realNow() - began) * drift);
  performance.now = () => realMonotonic() * (1 + drift);
  const RealDate = Date;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [target.now()] : args, self),
    apply: (target) => new target(target.now()).toString(),
  });
}
