import { expect, test } from '@jest/globals';
import { becomeNode } from '../../support/citus-node.ts';
import { workingPass } from '../../support/conformance.ts';
import { useDatabase } from '../../support/use-database.ts';

const plain = useDatabase({ fresh: true, replayed: false });
const node = useDatabase({ fresh: true, replayed: false });

test('the ledger and the sweeper answer on a node as they do without Citus', async () => {
  const expected = await workingPass(plain, plain.db.withSchema('public'));
  await becomeNode(node);
  expect(await workingPass(node, node.db.withSchema('public'))).toEqual(expected);
});
