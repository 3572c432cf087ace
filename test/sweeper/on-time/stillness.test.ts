import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ActivityReading, Stillness } from '../../../src/sweeper/on-time/stillness.ts';
import { FakeTime } from '../../support/fake-time.ts';

const reading = (drawn: string | null, runningFrom: number) => ({ drawn, runningFrom: BigInt(runningFrom) });

/** After a reading in which the number was another, a transaction is begun, and all before it end. */
function settle(stillness: Stillness, drawn = '7'): object {
  stillness.take(reading(drawn, 1));
  stillness.mark(5n);
  stillness.take(reading(drawn, 6));
  return stillness.settled!;
}
const never = new AbortController().signal;

test('it is settled once all transactions have ended that had begun when the number was read', () => {
  const stillness = new Stillness();
  expect(stillness.needsMark).toBe(false);
  // 10 runs, and has drawn 7.
  stillness.take(reading('7', 10));
  expect(stillness.needsMark).toBe(true);
  stillness.take(reading('7', 11));
  expect(stillness.settled).toBeNull();
  stillness.mark(12n);
  for (const runningFrom of [10, 12]) {
    stillness.take(reading('7', runningFrom));
    expect({ needsMark: stillness.needsMark, settled: stillness.settled }).toEqual({ needsMark: false, settled: null });
  }
  stillness.take(reading('7', 13));
  expect(stillness.settled).not.toBeNull();
});

test.each<[string, ReturnType<typeof reading> | null]>([
  ['a number is drawn', reading('8', 6)],
  ['it is drawn lower than before, as by a restored database', reading('6', 6)],
  ['it cannot be read', reading(null, 6)],
  ['nothing can be read', null],
])('who rests is woken when %s', async (_, next) => {
  const stillness = new Stillness();
  const rested = stillness.rest(settle(stillness), never);
  stillness.take(reading('7', 6));
  expect(stillness.isResting).toBe(true);
  stillness.take(next);
  await rested;
  expect(stillness).toMatchObject({ isResting: false, settled: null });
});

test('nobody rests by what was settled before something began, although it is settled again', async () => {
  const stillness = new Stillness();
  const settled = settle(stillness);
  settle(stillness, '8');
  await stillness.rest(settled, never);
  expect(stillness.settled).not.toBe(settled);
  expect(stillness.isResting).toBe(false);
});

test('who rests is woken after a while in any case, unless sweeps find nothing open meanwhile: rows may come without an activity', async () => {
  const time = new FakeTime();
  const stillness = new Stillness(time);
  const rested = stillness.rest(settle(stillness), never);
  for (let minute = 0; minute < 5; minute += 1) {
    time.shift(60_000);
    stillness.foundEmpty();
    stillness.take(reading('7', 6));
  }
  expect(stillness.isResting).toBe(true);
  time.shift(90_000);
  stillness.take(reading('7', 6));
  await rested;
  // A look decides: nothing was seen to begin.
  expect(stillness.settled).not.toBeNull();
});

/** A server, as far as stillness is concerned: its transactions, the number last drawn, and what is open for everybody. */
class Server {
  #next = 1;
  #drawn = 0;
  readonly #running = new Set<number>();
  open = 0;

  begin(): number {
    const transaction = this.#next;
    this.#next += 1;
    this.#running.add(transaction);
    return transaction;
  }

  draw(): void {
    this.#drawn += 1;
  }

  end(transaction: number, opened = 0): void {
    this.#running.delete(transaction);
    this.open += opened;
  }

  read(): ActivityReading {
    return reading(String(this.#drawn), Math.min(this.#next, ...this.#running));
  }
}

/** Inserts a delegation, in a transaction that is committed or rolled back, and ends it or not. */
function* writing(server: Server, { commits, ends }: { readonly commits: boolean; readonly ends: boolean }) {
  for (const opened of ends && commits ? [1, -1] : [commits ? 1 : 0]) {
    const transaction = server.begin();
    yield;
    server.draw();
    yield;
    server.end(transaction, opened);
    yield;
  }
}

/** As StillnessWatch does. */
function* watching(server: Server, stillness: Stillness) {
  while (true) {
    const read = server.read();
    yield;
    stillness.take(read);
    yield;
    if (!stillness.needsMark) continue;
    const transaction = server.begin();
    server.end(transaction);
    yield;
    stillness.mark(BigInt(transaction));
    yield;
  }
}

/** As OnTime does. */
function* looking(server: Server, stillness: Stillness) {
  while (true) {
    const { settled } = stillness;
    yield;
    const isEmpty = server.open === 0;
    yield;
    if (settled !== null && isEmpty) void stillness.rest(settled, never);
    while (stillness.isResting) yield;
    yield;
  }
}

test('whatever the interleaving of writers, readings and looks: nobody rests in the end where something is open, and somebody does where nothing is', () => {
  const writers = fc.array(fc.record({ commits: fc.boolean(), ends: fc.boolean() }), { minLength: 1, maxLength: 3 });
  const turns = fc.array(fc.nat(4), { maxLength: 120, size: 'max' });
  const outcomes = new Set<boolean>();
  fc.assert(
    fc.property(writers, turns, (all, order) => {
      const [server, stillness] = [new Server(), new Stillness()];
      const [watch, daemon] = [watching(server, stillness), looking(server, stillness)];
      const written = all.map((each) => writing(server, each));
      const processes = [watch, daemon, ...written];
      for (const turn of order) processes[turn % processes.length]!.next();
      for (const writer of written) for (const _ of writer);
      for (let turn = 0; turn < 30; turn += 1) for (const process of [watch, daemon]) process.next();
      outcomes.add(stillness.isResting);
      expect(stillness.isResting).toBe(server.open === 0);
    }),
    { numRuns: 5_000 },
  );
  expect(outcomes.size).toBe(2);
});

test('a rest ends with its signal', async () => {
  const stillness = new Stillness();
  const aborter = new AbortController();
  const rested = stillness.rest(settle(stillness), aborter.signal);
  aborter.abort();
  await expect(rested).rejects.toThrow();
  expect(stillness.isResting).toBe(false);
});
