import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectedObjects } from '../../src/doctor/expected/objects.ts';
import { expectedRights } from '../../src/doctor/expected/rights.ts';
import { expectedTables } from '../../src/doctor/expected/tables.ts';
import { startDebianServer } from '../conformance/debian-server.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startOwnServer } from '../support/own-server.ts';
import { type Expected, expectedOf, writeExpected } from './expected-files.ts';

const servers = { embedded: startOwnServer, "Debian's": startDebianServer };

// What the checks compare with, on each of the servers: the hash of a definition may not depend on the version.
describe.each(Object.entries(servers))('a fresh ledger on the %s server', (name, start) => {
  const undo = new AsyncDisposableStack();
  let database: TestDatabase;
  let found: Expected;
  beforeAll(async () => {
    const server = await start(undo);
    database = undo.use(await createTestDatabase(server));
    found = await expectedOf(database);
    if (process.env.UPDATE_EXPECTED === '1' && name === 'embedded') writeExpected(found);
  });
  afterAll(() => undo.disposeAsync());

  test('has the objects that the check objects expects', () => {
    expect(found.objects).toEqual(expectedObjects);
  });

  test('has the storage settings that the checks of tables expect', () => {
    expect(found.tables).toEqual(expectedTables);
  });

  test('gives to its roles the rights that the check privileges expects', () => {
    expect(found.rights).toEqual(expectedRights);
  });
});
