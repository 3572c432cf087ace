import pg from 'pg';

/** The same server, another database. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/** How the names of a template's copies begin. */
export function copiesOf(template: string): string {
  return `${template.replace('template', 'test')}_`;
}

/** Runs `work` in a separate session. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'test-support' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Set by the global set-up, inherited by Jest's workers. */
export function testServer(): { url: string; template: string } {
  const { TEST_DATABASE_URL: url, TEST_TEMPLATE_DATABASE: template } = process.env;
  if (!url || !template) throw new Error('no test server: global-setup has not run');
  return { url, template };
}
