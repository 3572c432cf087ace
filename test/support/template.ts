import { installSchemas } from '../../src/compose/install.ts';

/** Brings the template database, from which every test database is copied, to the newest schemas. */
export async function prepareTemplate(url: string): Promise<void> {
  await installSchemas({ location: { url }, dbSchema: 'public', pgbossSchema: 'pgboss' });
}
