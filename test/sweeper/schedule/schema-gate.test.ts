import { expect, test } from '@jest/globals';
import { Availability } from '../../../src/outage/availability.ts';
import { type OutdatedSchema, SchemaGate } from '../../../src/sweeper/schedule/schema-gate.ts';
import { capturedLog } from '../../support/fixtures.ts';

const outdated = (component: OutdatedSchema['component'], found: string | null): OutdatedSchema => ({
  component,
  found,
  required: '9',
  remedy: 'migrate up',
});

test('each outdated schema is logged when it is found, the same one not again within a minute', async () => {
  const { log, events } = capturedLog();
  const answers = [outdated('ledger', null), outdated('ledger', null), outdated('pgboss', '8'), null];
  const gate = new SchemaGate(async () => answers.shift()!, log, new Availability(log));
  await gate.start();
  expect(gate.outdated).toBeNull();
  expect(events('database.schema_outdated').map(({ component, found }) => [component, found])).toEqual([
    ['ledger', null],
    ['pgboss', '8'],
  ]);
});
