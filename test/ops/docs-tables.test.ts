import { expect, test } from '@jest/globals';
import { openStatuses } from '../../src/ledger/transitions.ts';
import { instruments } from '../../src/ops/telemetry/instruments.ts';
import { docsBlock } from '../docs/docs-block.ts';
import { metricsTable } from '../docs/metrics-table.ts';
import { spanTable } from '../docs/span-table.ts';

test('docs/observability.md holds the instruments as they are', () => {
  const table = metricsTable();
  expect(docsBlock('observability.md', 'metrics', table)).toBe(table);
});

test('docs/observability.md holds the spans as they are', () => {
  const table = spanTable();
  expect(docsBlock('observability.md', 'spans', table)).toBe(table);
});

test('the label of delegations has the open statuses of the lifecycle', () => {
  expect(instruments.delegations.labels.status).toEqual(openStatuses);
});
