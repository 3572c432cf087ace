import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SWEEP_QUEUE, sweepQueue } from '../../../src/sweeper/schedule/queue-name.ts';
import { anyCharacter } from '../../support/any-character.ts';

test('the ledger in `public` keeps the queue that is documented; any other has one named after its schema', () => {
  expect(sweepQueue('public')).toBe('delegation-sweep');
  expect(sweepQueue('team_a')).toBe('delegation-sweep.team_a');
  expect(sweepQueue('Public')).toBe('delegation-sweep.Public');
  expect(sweepQueue('a b/ä')).toBe('delegation-sweep.a/20b/2f/c3/a4');
});

test('two schemas never share a queue, and pg-boss accepts every name', () => {
  const schema = fc.oneof(
    fc.string({ minLength: 1, unit: anyCharacter, maxLength: 63 }),
    fc.constantFrom('public', '/2f', '/'),
  );
  fc.assert(
    fc.property(schema, schema, (a, b) => {
      expect(sweepQueue(a) === sweepQueue(b)).toBe(a === b);
      expect(sweepQueue(a)).toMatch(/^[\w.\-/]+$/);
      expect(sweepQueue(a) === SWEEP_QUEUE).toBe(a === 'public');
    }),
  );
});
