import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../../src/ledger/errors.ts';
import type { InsertArguments } from '../../src/ledger/insert-arguments.ts';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { SetStatusOptions } from '../../src/ledger/set-status-options.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();

const LONE = '\ud83e';
const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;

const badTexts: [string, unknown][] = [
  ['a number', 42],
  ['null', null],
  ['nothing', undefined],
  ['an array', ['a']],
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('a')],
];
const badIds: [string, unknown][] = [
  ...badTexts,
  ['a NUL', 'a\0b'],
  ['a lone high surrogate', `a${LONE}`],
  ['a lone low surrogate', '\udd8ab'],
  ['a line feed', 'a\nb'],
  ['an escape sequence', '\u001b[31mred'],
  ['a delete', 'a\u007f'],
  ['a C1 control character', 'a\u009bm'],
  ['nothing in it', ''],
  ['201 characters', 'x'.repeat(201)],
  ['201 characters of two units', '🦊'.repeat(201)],
  ['a megabyte', 'x'.repeat(2 ** 20)],
];
const badBodies: [string, unknown][] = [
  ['a cycle', cyclic],
  ['a BigInt', { n: 1n }],
  [
    'a toJSON that throws',
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
  ],
  ['a function', () => 1],
  ['a symbol', Symbol('a')],
];
const badInstants: [string, unknown][] = [
  ['an invalid Date', new Date('soon')],
  ['a text that is no date', 'tomorrow'],
  ['a date without a zone', '2031-01-01T00:00:00'],
  ['a date without a time', '2031-01-01'],
  ['the 31st of February', '2031-02-31T00:00:00Z'],
  ['the 31st of April', '2031-04-31T12:00:00+02:00'],
  ['the 29th of February of no leap year', '2031-02-29T12:00:00Z'],
  ['the 13th month', '2031-13-01T00:00:00Z'],
  ['a 25th hour', '2031-01-01T25:00:00Z'],
  ['PostgreSQL’s infinity', 'infinity'],
  ['a year beyond 9999', new Date(8.64e15)],
  ['a year before 1970', new Date(-1)],
  ['a number', 1_900_000_000_000],
];
const badDurations: [string, unknown][] = [
  ['NaN', Number.NaN],
  ['zero', 0],
  ['less than nothing', -1],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['an epoch timestamp', 1_900_000_000_000],
  ['a text', '1000'],
  ['a BigInt', 1000n],
];

const valid = (): InsertArguments => ({
  delegationId: randomUUID(),
  callerId: 'caller',
  calleeId: 'callee',
  taskPreview: 'task',
});

async function writtenRows(): Promise<unknown> {
  const [counts] = await database.query(
    'SELECT (SELECT count(*) FROM delegations) AS delegations, (SELECT count(*) FROM activity_logs) AS activities',
  );
  return counts;
}

type Case = [field: string, what: string, value: unknown];
const cases = (field: string, values: [string, unknown][]): Case[] =>
  values.map(([what, value]) => [field, what, value]);

describe('insert', () => {
  test.each<Case>([
    ...cases('delegationId', badIds),
    ...cases('callerId', badIds),
    ...cases('calleeId', badIds),
    ...cases(
      'idempotencyKey',
      badIds.filter(([, value]) => value !== null && value !== undefined),
    ),
    ...cases('taskPreview', badTexts),
    ...cases('deadline', badInstants),
    ...cases('deadlineMs', badDurations),
    ...cases('requestBody', badBodies),
  ])('with a bad %s, %s, is invalid and writes nothing', async (field, _, value) => {
    const { ledger, lines } = testLedger(database.db);
    const before = await writtenRows();
    const result = await ledger.insert({ ...valid(), [field]: value } as InsertArguments);
    expect(result).toMatchObject({ outcome: 'invalid', error: { field, code: 'INVALID_ARGUMENT' } });
    expect((result as { error: Error }).error.message).toMatch(new RegExp(`^${field} must `));
    expect(await writtenRows()).toEqual(before);
    expect(lines).toMatchObject([
      { event: 'ledger.insert_failed', err: { code: 'INVALID_ARGUMENT', message: expect.stringContaining(field) } },
    ]);
  });

  test('with both a deadline and a duration is invalid', async () => {
    const { ledger } = testLedger(database.db);
    const both = { ...valid(), deadline: new Date(Date.now() + 1000), deadlineMs: 1000 };
    expect(await ledger.insert(both)).toMatchObject({ outcome: 'invalid', error: { field: 'deadlineMs' } });
  });

  test.each([undefined, null, 'delegation', 7])('of %p is invalid', async (value) => {
    const { ledger } = testLedger(database.db);
    expect(await ledger.insert(value as never)).toMatchObject({ outcome: 'invalid', error: { field: 'delegation' } });
  });

  test.each<[string, unknown]>([
    ['no body', undefined],
    ['a null body', null],
    ['false', false],
    ['zero', 0],
    ['an empty text', ''],
    ['a backslash and u0000 as text', '\\u0000'],
    ['a boxed text', new String('boxed')],
    ['undefined inside', { a: undefined, b: [undefined] }],
    ['a Date', { at: new Date(0) }],
  ])('takes %s as JSON does', async (_, requestBody) => {
    const { ledger } = testLedger(database.db);
    const { delegationId, outcome } = await ledger.insert({ ...valid(), requestBody });
    expect(outcome).toBe('inserted');
    const [first] = await ledger.history(delegationId);
    expect(first?.requestBody).toEqual(requestBody === undefined ? null : JSON.parse(JSON.stringify(requestBody)));
  });
});

describe('setStatus', () => {
  const bad = async (field: string, id: unknown, status: unknown, options: Record<string, unknown> = {}) => {
    const { ledger } = testLedger(database.db);
    const before = await writtenRows();
    const attempt = ledger.setStatus(id as string, status as 'failed', options as SetStatusOptions);
    await expect(attempt).rejects.toThrow(InvalidArgumentError);
    await expect(attempt).rejects.toMatchObject({ field });
    expect(await writtenRows()).toEqual(before);
  };

  test.each(badIds)('with an id of %s throws', (_, id) => bad('delegationId', id, 'failed'));
  test.each(['', 'done', 'Stuck', 'toString', null, undefined, 1])('to %p throws', (status) =>
    bad('status', 'x', status),
  );
  test.each(badIds.filter(([, value]) => value !== undefined))('with an actor of %s throws', (_, actor) =>
    bad('actor', 'x', 'failed', { actor }),
  );
  test.each(badBodies)('with a body of %s throws', (_, responseBody) =>
    bad('responseBody', 'x', 'failed', { responseBody }),
  );
  test.each(badTexts.filter(([, value]) => value !== null && value !== undefined))(
    'with a detail of %s throws',
    async (_, value) => {
      await bad('errorDetail', 'x', 'failed', { errorDetail: value });
      await bad('resultPreview', 'x', 'completed', { resultPreview: value });
    },
  );
  test.each(['queued', 'dispatched', 'in_progress', 'completed'])('to %s takes no errorDetail', (status) =>
    bad('errorDetail', 'x', status, { errorDetail: 'why' }),
  );
  test.each(['queued', 'dispatched', 'in_progress', 'failed', 'stuck'])('to %s takes no resultPreview', (status) =>
    bad('resultPreview', 'x', status, { resultPreview: 'what' }),
  );

  test('accepts null for a missing detail', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    expect(await ledger.setStatus(id, 'completed', { errorDetail: null, resultPreview: null })).toMatchObject({
      outcome: 'changed',
    });
  });
});

/** What a model writes, and what the ledger stores. */
const mended: [string, unknown, unknown][] = [
  ['a NUL', 'a\0b', 'a\ufffdb'],
  ['a slice through an emoji', '🦊!'.slice(0, 1), '\ufffd'],
  ['a slice that begins in one', '🦊!'.slice(1), '\ufffd!'],
  ['whole emoji and a backslash', '🦊\\u0000\\', '🦊\\u0000\\'],
  ['several NULs, and spaces around them', ' \0a\0\0\n', ' \ufffda\ufffd\ufffd\n'],
  [
    'lone surrogates of every kind',
    '\ud800|\ud9ff|\udaab|\udbff|\udc00|\uddff|\udeab|\udfff',
    Array(8).fill('\ufffd').join('|'),
  ],
];
const mendedBodies: [string, unknown, unknown][] = [
  ...mended,
  ['values, nested', { a: ['b\0', { c: `x${LONE}` }] }, { a: ['b\ufffd', { c: 'x\ufffd' }] }],
  ['keys, nested', { a: [{ 'k\0': 1, [`k${LONE}`]: { '\udd8a': 2 } }] }, { a: [{ 'k\ufffd': { '\ufffd': 2 } }] }],
  ['a boxed text', { a: new String('b\0') }, { a: 'b\ufffd' }],
  ['a text that toJSON makes', { toJSON: () => ({ a: 'b\0' }) }, { a: 'b\ufffd' }],
  ['a Map, as JSON has it', new Map([['a\0', 1]]), {}],
  ['backslashes before what is no escape', { '\\': '\\\\u0000 \\ud800 "\0"' }, { '\\': '\\\\u0000 \\ud800 "\ufffd"' }],
  ['a megabyte', `\0${'x'.repeat(2 ** 20)}${LONE}`, `\ufffd${'x'.repeat(2 ** 20)}\ufffd`],
  ['other control characters', '\u0001\u001f\n', '\u0001\u001f\n'],
];

describe('text from models is never refused:', () => {
  test.each(mended)('%s in a preview or a detail', async (_, said, kept) => {
    const { ledger } = testLedger(database.db);
    const text = said as string;
    const [first, second] = [valid(), valid()];
    for (const delegation of [first, second]) {
      expect(await ledger.insert({ ...delegation, taskPreview: text })).toMatchObject({ outcome: 'inserted' });
      await ledger.setStatus(delegation.delegationId, 'in_progress');
    }
    await ledger.setStatus(first.delegationId, 'completed', { resultPreview: text });
    await ledger.setStatus(second.delegationId, 'failed', { errorDetail: text });
    expect(await ledger.get(first.delegationId)).toMatchObject({ taskPreview: kept, resultPreview: kept });
    expect(await ledger.get(second.delegationId)).toMatchObject({ errorDetail: kept });
    expect((await ledger.history(first.delegationId)).at(-1)).toMatchObject({ detail: { resultPreview: kept } });
  });

  test.each(mendedBodies)('%s in a body', async (_, said, kept) => {
    const { ledger } = testLedger(database.db);
    const delegation = valid();
    expect(await ledger.insert({ ...delegation, requestBody: said })).toMatchObject({ outcome: 'inserted' });
    await ledger.setStatus(delegation.delegationId, 'failed', { responseBody: said });
    const history = await ledger.history(delegation.delegationId);
    expect([history[0]?.requestBody, history[1]?.responseBody]).toEqual([kept, kept]);
  });

  test.each(mended)('%s in many inserts at once, and in what is seen of an A2A task', async (_, said, kept) => {
    const { ledger } = testLedger(database.db);
    const text = said as string;
    const [first, second] = [valid(), valid()].map((each) => ({ ...each, taskPreview: text, requestBody: text }));
    expect(await ledger.insertMany([first!, second!])).toMatchObject([
      { outcome: 'inserted' },
      { outcome: 'inserted' },
    ]);
    await ledger.a2aTasks.observe(first!.delegationId, { step: 'completed', resultPreview: text, responseBody: text });
    await ledger.a2aTasks.observe(second!.delegationId, { step: 'failed', errorDetail: text, responseBody: text });
    expect(await ledger.get(first!.delegationId)).toMatchObject({ taskPreview: kept, resultPreview: kept });
    expect(await ledger.get(second!.delegationId)).toMatchObject({ taskPreview: kept, errorDetail: kept });
    for (const { delegationId } of [first!, second!]) {
      const history = await ledger.history(delegationId);
      expect([history[0]?.requestBody, history.at(-1)?.responseBody]).toEqual([kept, kept]);
    }
  });

  test.each(mended)(
    '%s in a result that comes too late, or of a delegation that is not there',
    async (_, said, kept) => {
      const { ledger } = testLedger(database.db);
      const late = await seedDelegation(database, { status: 'stuck' });
      const missing = randomUUID();
      for (const [delegationId, outcome] of [
        [late, 'refused'],
        [missing, 'missing'],
      ] as const) {
        const result = { resultPreview: said as string, responseBody: said };
        expect(await ledger.setStatus(delegationId, 'completed', result)).toMatchObject({ outcome });
        expect((await ledger.history(delegationId)).at(-1)).toMatchObject({
          toStatus: null,
          detail: { resultPreview: kept },
          responseBody: kept,
        });
      }
    },
  );

  test('a body nested as deeply as no database takes it is kept as the text of its JSON', async () => {
    const { ledger } = testLedger(database.db);
    const deepOf = (inside: string) => JSON.parse(`${'['.repeat(20_000)}"]\\" ${inside}"${']'.repeat(20_000)}`);
    const [deep, text] = [deepOf('a'), '{['.repeat(20_000)];
    const bodies = [
      [deep, JSON.stringify(deep)],
      [deepOf('\\u0000\\ud83e'), JSON.stringify(deepOf('\ufffd\ufffd'))],
      // JSON.stringify has a bound of its own for objects.
      [{ deep, text }, '(nested too deeply, or too large, to be kept)'],
      [{ text }, { text }],
    ];
    for (const [said, kept] of bodies) {
      const delegation = valid();
      expect(await ledger.insert({ ...delegation, requestBody: said })).toMatchObject({ outcome: 'inserted' });
      await ledger.a2aTasks.observe(delegation.delegationId, { step: 'completed', responseBody: said });
      const history = await ledger.history(delegation.delegationId);
      expect([history[0]?.requestBody, history.at(-1)?.responseBody]).toEqual([kept, kept]);
      expect(history.at(-1)).toMatchObject({ toStatus: 'completed' });
    }
  });

  test('a repetition is the same result, not a late one', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    const result = { resultPreview: `a${LONE}`, responseBody: { 'k\0': LONE } };
    for (const outcome of ['changed', 'unchanged']) {
      expect(await ledger.setStatus(id, 'completed', result)).toMatchObject({ outcome });
    }
    expect(await ledger.history(id)).toHaveLength(2);
  });
});

describe('the heartbeats', () => {
  test.each(badIds)('with an id of %s fail, are logged and do not throw', async (_, id) => {
    const { ledger, events } = testLedger(database.db);
    expect(await ledger.heartbeat(id as string)).toMatchObject({ outcome: 'failed', error: { field: 'delegationId' } });
    const living = await seedDelegation(database, { silentSeconds: 100 });
    expect(await ledger.heartbeatMany([living, id as string])).toMatchObject([
      { delegationId: living, outcome: 'failed' },
      { outcome: 'failed', error: { field: 'delegationIds[1]' } },
    ]);
    expect(events('ledger.heartbeat_failed')).toMatchObject([{ count: 1 }, { count: 2 }]);
  });

  test.each([undefined, null, 'id', 7, {}])('of %p instead of ids fail, with no answer', async (ids) => {
    const { ledger, events } = testLedger(database.db);
    expect(await ledger.heartbeatMany(ids as never)).toEqual([]);
    expect(events('ledger.heartbeat_failed')).toMatchObject([{ count: 0 }]);
  });

  test('of more than 10,000 ids fail, one answer each', async () => {
    const { ledger } = testLedger(database.db);
    const results = await ledger.heartbeatMany(Array.from({ length: 10_001 }, (_, index) => `id-${index}`));
    expect(results).toHaveLength(10_001);
    expect(results[0]).toMatchObject({ delegationId: 'id-0', outcome: 'failed', error: { field: 'delegationIds' } });
  });
});

describe('the rest', () => {
  test.each(badIds)('get, history and keepAlive refuse an id of %s', async (_, id) => {
    const { ledger } = testLedger(database.db);
    await expect(ledger.get(id as string)).rejects.toMatchObject({ field: 'delegationId' });
    await expect(ledger.history(id as string)).rejects.toMatchObject({ field: 'delegationId' });
    expect(() => ledger.keepAlive(id as string)).toThrow(InvalidArgumentError);
  });

  test.each(badDurations)('a debounce or a cadence of %s is refused', (_, value) => {
    expect(() => new DelegationLedger(database.db, { heartbeatMinIntervalMs: value as number })).toThrow(
      'heartbeatMinIntervalMs must be a positive number of milliseconds',
    );
    const { ledger } = testLedger(database.db);
    expect(() => ledger.keepAlive('x', { everyMs: value as number })).toThrow('everyMs must be a positive number');
  });
});
