import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/log/logger.ts';
import { prettyDestination } from '../../src/log/pretty.ts';
import { visible, visibleDeep, visibleLines } from '../../src/log/visible.ts';

describe('text for a terminal', () => {
  test.each([
    ['a\x1b[2Jb', 'a\\x1b[2Jb'],
    ['line\nMarked 0 stuck', 'line\\nMarked 0 stuck'],
    ['\r\t\0\x7f', '\\r\\t\\x00\\x7f'],
    ['\x9b31m', '\\x9b31m'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['\u2028', '\\u2028'],
    ['\ud83d', '\\ud83d'],
    ['\u{e0001}', '\\u{e0001}'],
  ])('%j is shown as %s', (text, shown) => expect(visible(text)).toBe(shown));

  test.each(['order-42/äöü 東京 😀', ''])('%j is shown unchanged', (text) => expect(visible(text)).toBe(text));

  test("the program's own line breaks stay", () => expect(visibleLines('a\x1b\nb')).toBe('a\\x1b\nb'));

  test('values are shown however deep they are', () => {
    expect(visibleDeep({ 'a\n': [{ b: '\x1b' }, 1, null, true] })).toEqual({ 'a\\n': [{ b: '\\x1b' }, 1, null, true] });
  });
});

test('no control character of an id takes effect in a readable log line', () => {
  let out = '';
  const logger = createLogger({
    level: 'info',
    destination: prettyDestination({
      write: (line: string) => {
        out += line;
      },
    }),
  });
  logger.info({ delegationId: 'x\x1b[2J\nforged: line', err: { code: null, message: 'a\x1bb\nc' } }, 'one');
  expect(out).toContain('x\\x1b[2J\\nforged: line');
  expect(out).not.toContain('\x1b');
  expect(out).not.toMatch(/^forged/m);
});
