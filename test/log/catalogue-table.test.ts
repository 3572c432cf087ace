import { expect, test } from '@jest/globals';
import { catalogueTable } from '../docs/catalogue-table.ts';
import { docsBlock } from '../docs/docs-block.ts';

test('docs/observability.md holds the catalogue as it is', () => {
  const table = catalogueTable();
  expect(docsBlock('observability.md', 'catalogue', table)).toBe(table);
});
