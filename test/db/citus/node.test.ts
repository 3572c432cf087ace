import { expect, test } from '@jest/globals';
import { ledgerTableNames } from '../../../src/db/citus/placement.ts';
import { setNode } from '../../../src/db/node/nodes.ts';
import { becomeNode, shardsOf } from '../../support/citus-node.ts';
import { workingPass } from '../../support/conformance.ts';
import { Recorder } from '../../support/recorded.ts';
import { useDatabase } from '../../support/use-database.ts';

const plain = useDatabase({ fresh: true, replayed: false });
const node = useDatabase({ fresh: true, replayed: false });
const named = new RegExp(`"(?:${ledgerTableNames.join('|')})"`);

test('the ledger and the sweeper answer on a node as they do without Citus, and send it nothing that Citus would plan', async () => {
  const expected = await workingPass(plain, plain.db.withSchema('public'));
  await becomeNode(node);
  await using recorder = new Recorder(node.url);
  setNode(recorder.db, 'public', shardsOf);
  expect(await workingPass(node, recorder.db.withSchema('public'))).toEqual(expected);
  const sent = recorder.statements.map(({ sql }) => sql);
  expect(sent.filter((sql) => named.test(sql))).toEqual([]);
  expect(sent.filter((sql) => sql.includes('"sweeper_run"')).length).toBeGreaterThan(10);
  // Citus sends the node the whole message that a SET is in, for each SET: a block of its own keeps BEGIN out of it.
  const begun = sent.filter((sql) => sql.startsWith('BEGIN ISOLATION'));
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.filter((sql) => sql.replace(/DO \$\$.*\$\$/s, '').includes('_timeout'))).toEqual([]);
});
