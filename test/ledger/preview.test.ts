import { randomUUID } from 'node:crypto';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cutPreview, PREVIEW_BYTES_MAX } from '../../src/ledger/preview.ts';
import { anyCharacter } from '../support/any-character.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
const bytesOf = (text: string) => Buffer.byteLength(text, 'utf8');

const FOX = '🦊'; // four bytes
const borders: [string, string, number][] = [
  ['exactly 4096 bytes of ASCII', 'x'.repeat(4096), 4096],
  ['4097 bytes of ASCII', 'x'.repeat(4097), 4096],
  ['4095 bytes and a character of three', `${'x'.repeat(4095)}€`, 4095],
  ['4094 bytes and a character of three', `${'x'.repeat(4094)}€`, 4094],
  ['4093 bytes and a character of three', `${'x'.repeat(4093)}€`, 4096],
  ['4095 bytes and a character of two', `${'x'.repeat(4095)}é`, 4095],
  ...[0, 1, 2, 3, 4].map((offset): [string, string, number] => [
    `${4092 + offset} bytes and a character of four`,
    `${'x'.repeat(4092 + offset)}${FOX}`,
    offset === 0 ? 4096 : 4092 + offset,
  ]),
  ['1024 emoji, exactly', FOX.repeat(1024), 4096],
  ['1025 emoji', FOX.repeat(1025), 4096],
  ['an emoji out of step', `x${FOX.repeat(1024)}`, 4093],
  ['a family that joiners hold together', '👩‍👩‍👧‍👦'.repeat(300), 4096],
  ['4095 bytes and a NUL, which becomes a character of three', `${'x'.repeat(4095)}\0`, 4095],
  ['nothing', '', 0],
  ['a megabyte', '€'.repeat(350_000), 4095],
];

describe('a preview', () => {
  test.each(borders)('of %s is cut on a code point, and PostgreSQL counts the same', async (_, text, bytes) => {
    const cut = cutPreview('taskPreview', text);
    expect(text.startsWith(cut)).toBe(true);
    expect(cut.isWellFormed()).toBe(true);
    expect(bytesOf(cut)).toBe(bytes);

    const { ledger } = testLedger(database.db);
    const [completed, failed] = [randomUUID(), randomUUID()];
    for (const [id, status, options] of [
      [completed, 'completed', { resultPreview: text }],
      [failed, 'failed', { errorDetail: text }],
    ] as const) {
      await ledger.insert({ delegationId: id, callerId: 'a', calleeId: 'b', taskPreview: text });
      await ledger.setStatus(id, 'in_progress');
      await ledger.setStatus(id, status, options);
    }
    expect(
      await database.query(
        `SELECT octet_length(task_preview) AS task, octet_length(coalesce(result_preview, error_detail)) AS detail
         FROM delegations WHERE delegation_id = ANY($1)`,
        [[completed, failed]],
      ),
    ).toEqual(Array(2).fill({ task: bytes, detail: bytes }));
    expect(await ledger.get(completed)).toMatchObject({ taskPreview: cut, resultPreview: cut });
    expect((await ledger.history(completed)).at(-1)?.detail).toEqual({ resultPreview: cut });
  });

  test('does not keep the text in memory that it was cut from, also when the caller had cut it', () => {
    v8.setFlagsFromString('--expose-gc');
    const collect = vm.runInNewContext('gc') as () => void;
    // One byte per character; a new text each time.
    const long = (n: number) => Buffer.alloc(2 ** 19, 97 + (n % 26)).toString('latin1');
    collect();
    const before = process.memoryUsage().heapUsed;
    const kept: string[] = [];
    for (let n = 0; n < 100; n += 1) {
      kept.push(cutPreview('resultPreview', long(n)), cutPreview('resultPreview', long(n).slice(5, 900)));
    }
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * 2 ** 20);
    expect(kept).toHaveLength(200);
  });

  test('is the longest start of whole characters that fits, whatever the text', () => {
    const text = fc.string({ unit: anyCharacter, minLength: 1000, maxLength: 6000, size: 'max' });
    fc.assert(
      fc.property(text, (given) => {
        const whole = given.replaceAll('\0', '');
        const cut = cutPreview('taskPreview', whole);
        expect(whole.startsWith(cut)).toBe(true);
        expect(bytesOf(cut)).toBeLessThanOrEqual(PREVIEW_BYTES_MAX);
        const next = String.fromCodePoint(whole.codePointAt(cut.length) ?? 0);
        if (cut !== whole) expect(bytesOf(cut + next)).toBeGreaterThan(PREVIEW_BYTES_MAX);
      }),
      { numRuns: 60 },
    );
  });
});
