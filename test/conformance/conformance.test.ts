import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { useDatabase } from '../support/use-database.ts';
import { cases } from './cases/cases.ts';
import type { Client } from './clients/client.ts';
import { clients } from './clients/clients.ts';
import { Inspector, runCase } from './run.ts';

// The library, and the functions of the schema from any language, answer and write the same.
describe.each(Object.entries(clients))('through %s', (_, open) => {
  let client: Client;
  let inspector: Inspector;
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await inspector?.[Symbol.asyncDispose]();
  });
  const database = useDatabase();
  beforeAll(async () => {
    const place = { url: database.url, schema: 'public' };
    inspector = await Inspector.open(database.url, place);
    client = await open(place);
  });

  describe.each(Object.entries(cases))('%s:', (_, list) => {
    test.each(list.map((one) => [one.title, one] as const))('%s', async (_, one) => {
      await runCase(client, inspector, one);
    });
  });
});
