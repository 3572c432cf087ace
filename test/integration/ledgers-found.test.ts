import { expect, test } from '@jest/globals';
import { daemonServices } from '../../src/compose/daemon-services.ts';
import { installSchemas } from '../../src/compose/install.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Services } from '../../src/lifecycle/services.ts';
import type { EventName } from '../../src/log/catalogue.ts';
import { sweepQueue } from '../../src/sweeper/schedule/queue-name.ts';
import { capturedLog } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ replayed: false });

test('a ledger that appears is served, one that is not migrated waits alone, one that is dropped is let go', async () => {
  const install = (dbSchema: string) =>
    installSchemas({ location: { url: database.url }, dbSchema, pgbossSchema: 'pgboss' });
  const config = loadConfig({ DATABASE_URL: database.url, DB_SCHEMAS: 'tenant_*,eu', SWEEP_CRON: '0 0 1 1 *' });
  const whole = capturedLog();
  const captures = new Map<string, ReturnType<typeof capturedLog>>();
  const of = (ledger: string) => {
    const capture = captures.get(ledger) ?? capturedLog();
    captures.set(ledger, capture);
    return capture;
  };
  const has = (ledger: string, event: EventName, times = 1) => of(ledger).events(event).length >= times;
  const daemon = await daemonServices(
    config,
    { location: { url: database.url } },
    { log: whole.log, of, lookEveryMs: 250 },
  );
  const services = new Services(daemon.services);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => services.stopAll({ deadlineMs: daemon.stopWithinMs }));
  await services.startAll({ deadlineMs: daemon.stopWithinMs });
  await waitFor('that there is none', () => whole.events('ledgers.none').length === 1);
  expect(whole.events('ledgers.missing')).toMatchObject([{ schema: 'eu' }]);
  expect(daemon.ledgers!.missing).toEqual(['eu']);

  await database.query('CREATE SCHEMA tenant_b');
  await install('tenant_a');
  await waitFor('the ledger that is migrated', () => has('tenant_a', 'sweep.completed'));
  await waitFor('the other one to be reported', () => has('tenant_b', 'database.schema_outdated'));
  expect(has('tenant_b', 'ledgers.served')).toBe(false);
  expect(daemon.ledgers!.served.get('tenant_b')!.outdated).toMatchObject({ component: 'ledger', found: null });
  await install('tenant_b');
  await waitFor('it to be served', () => has('tenant_b', 'ledgers.served'));

  const schedules = async () =>
    (
      await database.query<{ name: string }>(`SELECT name FROM pgboss.schedule WHERE name LIKE '%tenant_a' ORDER BY 1`)
    ).map(({ name }) => name);
  expect(await schedules()).toContain(sweepQueue('tenant_a'));
  await database.query('DROP SCHEMA tenant_a CASCADE');
  await waitFor('it to be let go', () => has('tenant_a', 'ledgers.released'));
  expect([...daemon.ledgers!.served.keys()]).toEqual(['tenant_b']);
  expect(of('tenant_a').events('ledgers.failed')).toEqual([]);
  await waitFor('its schedules to be gone', async () => (await schedules()).length === 0);

  // The same name, another ledger.
  await install('tenant_a');
  await waitFor('the new one to be served', () => has('tenant_a', 'sweep.completed', 2));
  await waitFor('its schedule', async () => (await schedules()).includes(sweepQueue('tenant_a')));
  expect(of('tenant_b').events('sweep.failed')).toEqual([]);
}, 120_000);
