import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { DelegationLedger } from '../../src/index.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase();

/** Each public method of the ledger, called so that it reaches the database. */
const calls: Readonly<Record<string, (ledger: DelegationLedger) => Promise<unknown>>> = {
  insert: (ledger) => ledger.insert(delegation),
  insertMany: (ledger) => ledger.insertMany([delegation]),
  setStatus: (ledger) => ledger.setStatus('d', 'in_progress'),
  heartbeat: (ledger) => ledger.heartbeat('d'),
  heartbeatMany: (ledger) => ledger.heartbeatMany(['d']),
  wait: (ledger) => ledger.wait('d', { untilMs: 60_000, reason: 'a person' }),
  resume: (ledger) => ledger.resume('d'),
  retry: (ledger) => ledger.retry('d'),
  adjust: (ledger) => ledger.adjust('d', { stuckAfterMs: 30_000 }),
  keepAlive: async (ledger) => {
    await ledger.insert({ ...delegation, delegationId: 'e' });
    sent.length = 0;
    const alive = [ledger.keepAlive('d'), ledger.keepAlive('e')];
    await waitFor('a heartbeat of both', async () => sent.some((sql) => sql.includes('_many')));
    for (const each of alive) await each[Symbol.asyncDispose]();
  },
  get: (ledger) => ledger.get('d'),
  history: (ledger) => ledger.history('d'),
  list: (ledger) => ledger.list({ status: 'queued' }),
  watch: async (ledger) => {
    await ledger.setStatus('d', 'failed');
    for await (const { event } of ledger.watch(['d'])) expect(event).toBe('delegation.failed');
  },
};

const delegation = { delegationId: 'd', callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };
const sent: string[] = [];

const source = readFileSync(new URL('../../src/ledger/ledger.ts', import.meta.url), 'utf8');
const documented = [...source.matchAll(/ {2}\/\*\*\n((?: {3}\*.*\n)+) {3}\*\/\n {2}(?:async )?(\w+)\(/g)].map(
  ([, comment, method]) => ({ comment: comment!, method: method! }),
);
const methods = documented.filter(({ method }) => method !== 'constructor');

test('every public method of the ledger is documented, and called below', () => {
  const publicNames = Object.getOwnPropertyNames(DelegationLedger.prototype).filter((name) => name !== 'constructor');
  expect(methods.map(({ method }) => method).sort()).toEqual(publicNames.sort());
  expect(Object.keys(calls).sort()).toEqual(publicNames.sort());
});

test.each(methods)(
  'the docstring of $method has an example that calls it, and the SQL that it runs',
  async (documented) => {
    const { comment, method } = documented;
    expect(comment).toMatch(new RegExp(`^ {3}\\* {5}.*ledger\\.${method}\\(`, 'm'));
    const [, named] = /SQL: `SELECT \.\.\. FROM (.*)`/.exec(comment)!;
    const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 2 }) });
    await using db = new Kysely<Database>({ dialect, log: ({ query }) => void sent.push(query.sql) });
    const ledger = new DelegationLedger(db);
    if (method !== 'insert') await ledger.insert(delegation);
    sent.length = 0;
    await calls[method]!(ledger);
    const [table] = /^\w+/.exec(named!)!;
    const argumentNames = [...named!.matchAll(/(\w+) =>/g)].map(([, name]) => name!);
    expect(sent.filter((sql) => [table, ...argumentNames].every((name) => sql.includes(name!)))).not.toEqual([]);
  },
);
