import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { type TableColumn, table } from '../../src/cli/table.ts';

interface Row {
  readonly id: string;
  readonly caller: string;
  readonly note: string | null;
}

const columns: readonly TableColumn<Row>[] = [
  { head: 'ID', text: ({ id }) => id, whole: true },
  { head: 'CALLER', text: ({ caller }) => caller, style: () => 'red' },
  { head: 'NOTE', text: ({ note }) => note },
];

const row = (id: string, caller = 'planner', note: string | null = null): Row => ({ id, caller, note });
const onTerminal = (rows: readonly Row[], width = 80) =>
  stripVTControlCharacters(table(rows, columns, { terminal: true, width })).split('\n');
const inPipe = (rows: readonly Row[]) => table(rows, columns, { terminal: false, width: 20 }).split('\n');

describe('a table', () => {
  test('has aligned columns under their heads, and leaves out a column that is empty', () => {
    expect(onTerminal([row('a'), row('longer', 'p')])).toEqual(['ID      CALLER', 'a       planner', 'longer  p']);
    expect(inPipe([row('a', 'p', 'n'), row('b')])).toEqual(['ID  CALLER   NOTE', 'a   p        n', 'b   planner']);
  });

  test('aligns characters by the columns that a terminal gives them', () => {
    expect(onTerminal([row('代理', 'p'), row('abcdef', 'q')])).toEqual(['ID      CALLER', '代理    p', 'abcdef  q']);
  });

  test('makes visible what a terminal would obey', () => {
    const [, line] = table([row('a\x1b[2J\nb', 'x\u202ey')], columns, { terminal: false }).split('\n');
    expect(line).toBe('a\\x1b[2J\\nb  x\\u202ey');
  });

  test('on a terminal cuts what may be cut, the widest first, until a row fits', () => {
    const lines = onTerminal([row('0190-id', 'c'.repeat(50), 'n'.repeat(20)), row('0190-id', 'short', 'note')], 40);
    expect(lines).toEqual([
      'ID       CALLER          NOTE',
      `0190-id  ${'c'.repeat(13)}…  ${'n'.repeat(14)}…`,
      `0190-id  ${'short'.padEnd(14)}  note`,
    ]);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
  });

  test('never cuts an id: after one that is too long the row goes on in the next line, in its columns', () => {
    const id = 'i'.repeat(200);
    expect(onTerminal([row(id), row('short', 'p')])).toEqual([
      `ID${' '.repeat(60)}CALLER`,
      id,
      `${' '.repeat(62)}planner`,
      `short${' '.repeat(57)}p`,
    ]);
  });

  test('in a pipe has one line per row, uncut and without colours, whatever the width', () => {
    const text = table([row('i'.repeat(200), 'c'.repeat(100))], columns, { terminal: false, width: 20 });
    expect(text.split('\n')[1]).toBe(`${'i'.repeat(200)}  ${'c'.repeat(100)}`);
    expect(text).toBe(stripVTControlCharacters(text));
  });

  test('of no rows is nothing but an empty line of heads', () => {
    expect(inPipe([])).toEqual(['']);
  });
});
