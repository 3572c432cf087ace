import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  advance,
  cutAt,
  GAPS_MAX,
  type StreamPlace,
  type StreamReading,
} from '../../../src/ledger/watch/stream-place.ts';
import { watchCursorOf, watchPlaceOf } from '../../../src/ledger/watch/watch-cursor.ts';

const start: StreamPlace = { position: 0, positionAt: null, gaps: [] };
const look = (islands: StreamReading['islands'], reading: Partial<StreamReading> = {}): StreamReading => ({
  islands,
  isFull: false,
  lastAt: 1,
  xmin: 100,
  nextXid: 101,
  ...reading,
});
const gapsOf = ({ gaps }: StreamPlace) => gaps.map(({ first, last }) => [first, last]);

describe('the place in the stream', () => {
  test('is the highest id read and the gaps below it', () => {
    const place = advance(
      start,
      look(
        [
          [3, 4],
          [8, 9],
        ],
        { lastAt: 42 },
      ),
    ); // prettier-ignore
    expect(place).toMatchObject({ position: 9, positionAt: 42 });
    expect(gapsOf(place)).toEqual([
      [1, 2],
      [5, 7],
    ]);
  });

  test('loses of a gap what has come into it', () => {
    const place = advance(
      advance(start, look([[10, 10]])),
      look([
        [3, 4],
        [7, 7],
        [12, 12],
      ]),
    ); // prettier-ignore
    expect(place.position).toBe(12);
    expect(gapsOf(place)).toEqual([
      [1, 2],
      [5, 6],
      [8, 9],
      [11, 11],
    ]);
  });

  test('gives a gap up once all have ended that had begun to write by the look after the one that first saw it, and not before', () => {
    const seen = advance(start, look([[2, 2]], { xmin: 50, nextXid: 60 }));
    const next = advance(seen, look([], { xmin: 60, nextXid: 70 }));
    const later = advance(next, look([], { xmin: 69, nextXid: 90 }));
    expect([seen, next, later].map(gapsOf)).toEqual([[[1, 1]], [[1, 1]], [[1, 1]]]);
    expect(gapsOf(advance(later, look([], { xmin: 70, nextXid: 90 })))).toEqual([]);
  });

  test('keeps what a full look did not come to', () => {
    const seen = advance(start, look([[10, 10]], { xmin: 50, nextXid: 60 }));
    const full = advance(seen, look([[2, 4]], { isFull: true, xmin: 80, nextXid: 80 }));
    expect(full.position).toBe(10);
    // The first is given up, since all that could have written it has ended.
    expect(gapsOf(full)).toEqual([[5, 9]]);
  });

  test('has a bound of gaps, and lets the oldest go', () => {
    const odd = Array.from({ length: GAPS_MAX + 5 }, (_, nr) => [2 * nr + 2, 2 * nr + 2] as const);
    const place = advance(start, look(odd));
    expect(place.gaps).toHaveLength(GAPS_MAX);
    expect(place.gaps[0]).toMatchObject({ first: 11 });
  });

  test('is written into a cursor and back', () => {
    const place = advance(
      start,
      look([
        [2, 3],
        [9, 9],
      ]),
    ); // prettier-ignore
    const back = watchPlaceOf('after', watchCursorOf(place));
    expect({ ...back, gaps: gapsOf(back) }).toEqual({ ...place, gaps: gapsOf(place) });
    expect(back.gaps.every(({ writersBelowXid }) => writersBelowXid === null)).toBe(true);
  });
});

describe('in any order of beginnings, commits and looks', () => {
  // Each transaction begins, draws some ids, and ends at some time; between these, looks of a few rows.
  const event = fc.record({
    transaction: fc.nat(5),
    kind: fc.constantFrom('begin', 'draw', 'draw', 'commit', 'rollback', 'look'),
  });
  type Snapshot = Pick<StreamReading, 'xmin' | 'nextXid'> & { readonly xmax: number };

  /** `nextOf`: what a look takes for the next transaction id. */
  const eachOnce = (nextOf: (snapshot: Snapshot) => number) =>
    fc.property(fc.array(event, { maxLength: 120, size: 'max' }), fc.integer({ min: 1, max: 4 }), (events, page) => {
      let [nextId, nextXid, lastEnded] = [1, 1, 0];
      const running = new Map<number, { xid: number; ids: number[] }>();
      const visible = new Set<number>();
      const read: number[] = [];
      let place = start;
      // As PostgreSQL's: xmax lies behind the last one that has ended, and what runs above that is not among the running.
      const snapshot = (): Snapshot => {
        const xmax = lastEnded + 1;
        return { xmin: Math.min(xmax, ...[...running.values()].map(({ xid }) => xid)), xmax, nextXid };
      };
      const lookOnce = (): boolean => {
        const inGaps = (id: number) => place.gaps.some(({ first, last }) => first <= id && id <= last);
        const ids = [...visible]
          .filter((id) => id > place.position || inGaps(id))
          .toSorted((a, b) => a - b)
          .slice(0, page);
        read.push(...ids);
        const { xmin, ...others } = snapshot();
        const reading = look(
          ids.map((id) => [id, id]),
          { isFull: ids.length === page, xmin, nextXid: nextOf({ xmin, ...others }) },
        );
        const cursor = ids.length > 0 ? cutAt(reading, ids[0]!, 1) : null;
        // A cut never comes further than what was read.
        if (cursor !== null && advance(place, cursor).position > Math.max(place.position, ids[0]!))
          throw new Error('cut');
        place = advance(place, reading);
        return ids.length === page;
      };
      const end = (transaction: number, isCommitted: boolean) => {
        const { xid, ids } = running.get(transaction)!;
        if (isCommitted) for (const id of ids) visible.add(id);
        running.delete(transaction);
        lastEnded = Math.max(lastEnded, xid);
      };
      for (const { transaction, kind } of events) {
        if (kind === 'look') lookOnce();
        else if (kind === 'begin' || kind === 'draw') {
          if (!running.has(transaction)) running.set(transaction, { xid: nextXid++, ids: [] });
          if (kind === 'draw') running.get(transaction)!.ids.push(nextId++);
        } else if (running.has(transaction)) end(transaction, kind === 'commit');
      }
      for (const transaction of running.keys()) end(transaction, true);
      while (lookOnce());
      for (let n = 0; n < 2; n += 1) lookOnce();
      expect(read.toSorted((a, b) => a - b)).toEqual([...visible].toSorted((a, b) => a - b));
      expect(place.gaps).toEqual([]);
    });

  test('each id is read once, and those that are rolled back are forgotten', () => {
    fc.assert(
      eachOnce(({ nextXid }) => nextXid),
      { numRuns: 500 },
    );
  });

  test('ids would be lost by the end of the snapshot, behind which transactions may run', () => {
    expect(
      fc.check(
        eachOnce(({ xmax }) => xmax),
        { numRuns: 2_000 },
      ).failed,
    ).toBe(true); // prettier-ignore
  });
});

describe('a cursor that is none', () => {
  const coded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each<[string, unknown]>([
    ['a number', 7],
    ['an empty text', ''],
    ['some text', 'page-2'],
    ['a cursor of list', coded([1_700_000_000_000_000, 'd-1'])],
    ['a negative position', coded([-1, null, []])],
    ['a gap above the position', coded([5, 1, [[3, 7]]])],
    [
      'gaps out of order',
      coded([
        9,
        1,
        [
          [5, 6],
          [2, 3],
        ],
      ]),
    ], // prettier-ignore
    ['a gap that ends before it begins', coded([9, 1, [[5, 4]]])],
    ['a range of one number', coded([9, 1, [[5]]])],
    ['a cursor with something behind it', `${coded([9, 1, []])}.`],
  ])('%s is refused', (_, cursor) => {
    expect(() => watchPlaceOf('after', cursor)).toThrow('after must be the cursor of a watch, unchanged');
  });
});
