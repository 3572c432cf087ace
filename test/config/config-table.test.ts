import { expect, test } from '@jest/globals';
import { configTable } from '../docs/config-table.ts';
import { docsBlock } from '../docs/docs-block.ts';

test('docs/configuration.md holds the variables as they are', () => {
  const table = configTable();
  expect(docsBlock('configuration.md', 'config', table)).toBe(table);
});
