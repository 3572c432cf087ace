import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { onNode } from '../../src/db/node/on-node.ts';
import { cases } from '../conformance/cases/cases.ts';
import type { Client } from '../conformance/clients/client.ts';
import { clients } from '../conformance/clients/clients.ts';
import { Inspector, runCase } from '../conformance/run.ts';
import { useCitusLedger } from './citus-ledger.ts';

const ledger = useCitusLedger();

describe.each(Object.entries(clients))('on Citus, through %s', (_, open) => {
  let client: Client;
  let inspector: Inspector;
  beforeAll(async () => {
    const place = { url: ledger.url, schema: ledger.schema };
    inspector = await Inspector.open(await ledger.nodeUrl(), place, (sql) => onNode(sql, ledger.shards));
    client = await open(place);
  });
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await inspector?.[Symbol.asyncDispose]();
  });

  describe.each(Object.entries(cases))('%s:', (_, list) => {
    test.each(list.map((one) => [one.title, one] as const))('%s', (_, one) => runCase(client, inspector, one));
  });
});
