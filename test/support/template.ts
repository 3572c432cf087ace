import { installSchemas } from '../../src/compose/install.ts';

/** Brings the template database to the newest schemas: what every test database starts as. */
export async function prepareTemplate(url: string): Promise<void> {
  await installSchemas({ location: { url }, dbSchema: 'public', pgbossSchema: 'pgboss' });
}
