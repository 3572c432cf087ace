import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { spawnNode } from '../support/child.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { addressOf, proxied } from '../support/proxied.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const library = pathToFileURL(path.resolve(import.meta.dirname, '../../src/index.ts')).href;
const driver = import.meta.resolve('pg');

/** The states of an agent's connections when the server goes away. */
const postures = {
  'returned to the pool': 'await pool.query("SELECT 1");',
  'checked out and idle': 'await pool.connect();',
  'in the middle of a query': 'pool.query("SELECT pg_sleep(600)").catch(() => {});',
  'checked out, in the middle of a query': '(await pool.connect()).query("SELECT pg_sleep(600)").catch(() => {});',
  'between two statements of a transaction': 'await (await pool.connect()).query("BEGIN");',
} as const;
type Posture = keyof typeof postures;

const PLAIN = `const pool = new (await import('${driver}')).default.Pool({ connectionString: process.env.DATABASE_URL });`;
const OURS = `const pool = createLedgerPool(process.env.DATABASE_URL, { applicationName: 'agent' });`;

/** An agent that answers each line on its standard input with the outcome of a heartbeat. */
async function startAgent(url: string, makePool: string, posture: Posture, id: string) {
  const script = `
    const { createLedgerPool, openLedger } = await import('${library}');
    const quiet = { info() {}, warn() {}, error() {} };
    const ledger = await openLedger(process.env.DATABASE_URL, { logger: quiet, applicationName: 'agent' });
    ${makePool}
    ${postures[posture]}
    await ledger.get('${id}');
    console.log('ready');
    for await (const _ of process.stdin) console.log((await ledger.heartbeat('${id}')).outcome);`;
  const env = { DATABASE_URL: url, PGAPPNAME: 'agent' };
  return spawnNode(['--input-type=module', '--eval', script], { env });
}

const terminate = () =>
  database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'agent'`);

describe.each(Object.keys(postures) as Posture[])('an agent whose connection is %s', (posture) => {
  test.each(['ends its sessions', 'is cut off'])('goes on when the server %s', async (how) => {
    const id = await seedDelegation(database, { silentSeconds: 60 });
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    await using agent = await startAgent(proxied(database.url, proxy), OURS, posture, id);
    await agent.waitForLine((line) => line === 'ready');
    if (how === 'is cut off') proxy.cut();
    await terminate();
    proxy.restore();
    await waitFor('a heartbeat to go out again', () => {
      agent.say('beat');
      return agent.stdoutLines.some((line) => line === 'stamped' || line === 'fresh');
    });
    expect(agent.stderrLines).toEqual([]);
  });
});

test('a pool of plain node-postgres ends the process: the problem to be solved', async () => {
  const id = await seedDelegation(database);
  for (const posture of ['returned to the pool', 'checked out and idle'] as const) {
    await using agent = await startAgent(database.url, PLAIN, posture, id);
    await agent.waitForLine((line) => line === 'ready');
    await terminate();
    expect((await agent.exit).code).toBe(1);
    expect(agent.stderrLines.join('\n')).toContain("Unhandled 'error' event");
  }
});
