import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { column, nullable, parameter, statement } from '../../src/db/statement.ts';
import { statuses } from '../../src/ledger/transitions.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();

test('a value bound by name stands at every place that names it, cast to its type', async () => {
  const repeated = statement({
    parameters: { name: parameter.text, count: parameter.wholeNumber },
    columns: { text: column.text('repeat($name, $count::int) || $name') },
    sql: (columns) => `SELECT ${columns}`,
  });
  expect(repeated.bind({ name: 'a', count: 2 })).toMatchObject({ parameters: ['a', 2] });
  expect(repeated.sql).toContain('repeat($1::text, $2::bigint::int) || $1::text');
  expect(await repeated.run(database.db, { name: 'a', count: 2 })).toEqual([{ text: 'aaa' }]);
});

test('each kind of parameter reaches the server, and each kind of column comes back, as it was declared', async () => {
  const at = new Date('2026-11-27T10:11:12.345Z');
  const all = statement({
    parameters: {
      texts: parameter.texts,
      yes: parameter.boolean,
      whole: parameter.wholeNumber,
      number: parameter.number,
      numbers: parameter.numbers,
      us: parameter.micros,
      date: parameter.date,
      json: parameter.json,
      jsonText: parameter.jsonText,
      interval: parameter.interval,
      status: parameter.text,
      nothing: nullable(parameter.text),
      never: nullable(parameter.micros),
    },
    columns: {
      second: column.text('($texts)[2]'),
      yes: column.boolean('NOT $yes'),
      whole: column.wholeNumber('$whole + 1'),
      tenths: column.wholeNumber('$number * 10'),
      sum: column.wholeNumber('(SELECT sum(n) FROM unnest($numbers) n)'),
      us: column.micros('$us + $interval'),
      date: column.instant('$date'),
      sameDate: column.boolean('$us = $date'),
      json: column.json<{ list: readonly number[] }>('$json'),
      jsonText: column.json<readonly number[]>('$jsonText'),
      status: column.oneOf(statuses, '$status'),
      nothing: nullable(column.text('$nothing')),
      never: nullable(column.instant('$never')),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
  const us = at.getTime() * 1000;
  const [row] = await all.run(database.db, {
    texts: ['a', 'b'],
    yes: true,
    whole: 2 ** 52,
    number: 0.5,
    numbers: [1, 2],
    us,
    date: at,
    json: { list: [1] },
    jsonText: '[2]',
    interval: '1 second',
    status: 'stuck',
    nothing: null,
    never: null,
  });
  expect(row).toEqual({
    second: 'b',
    yes: false,
    whole: 2 ** 52 + 1,
    tenths: 5,
    sum: 3,
    us: us + 1_000_000,
    date: at,
    sameDate: true,
    json: { list: [1] },
    jsonText: [2],
    status: 'stuck',
    nothing: null,
    never: null,
  });
});

test('answers depend neither on the settings of the session nor on the types that a caller taught the driver', async () => {
  const taught = (value: string) => `taught: ${value}`;
  const pool = new pg.Pool({
    connectionString: database.url,
    max: 1,
    types: { getTypeParser: (oid: number) => (oid === pg.types.builtins.JSON ? JSON.parse : taught) } as never,
  });
  await using db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  await sql
    .raw(`SET DateStyle = 'SQL, DMY'; SET extra_float_digits = -15; SET TimeZone = 'Asia/Kathmandu'`)
    .execute(db);
  const read = statement({
    parameters: { us: parameter.micros },
    columns: { at: column.instant('$us'), n: column.wholeNumber('123456789012345'), raw: column.micros('$us') },
    sql: (columns) => `SELECT ${columns}`,
  });
  const us = 1_700_000_000_123_456;
  expect(await read.run(db, { us })).toEqual([{ at: new Date(1_700_000_000_123), n: 123_456_789_012_345, raw: us }]);
});

test('a parameter that the text does not name is not sent, and one that is not declared is refused', () => {
  const fewer = statement({ parameters: { a: parameter.text, b: parameter.text }, sql: 'SELECT $b' });
  expect(fewer.bind({ a: 'x', b: 'y' })).toEqual({ sql: 'SELECT $1::text', parameters: ['y'] });
  expect(() => statement({ sql: 'SELECT $delegationId' }).sql).toThrow('names $delegationId');
});
