import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { DelegationLedger } from '../../src/index.ts';
import { startDaemon } from '../support/daemon.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ replayed: false });
const delegation = { callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };

test.each([
  { ledger: 'MixedCase', boss: 'table' },
  { ledger: 'select', boss: 'Mixed_Boss' },
])(
  'schemas $ledger and $boss: every command, the daemon, and the ledger by withSchema and by search_path',
  async (names) => {
    const env = { DATABASE_URL: database.url, DB_SCHEMA: names.ledger, PGBOSS_SCHEMA: names.boss };
    const answer = async (...args: string[]) => {
      const { code, stdout, stderr } = await runProgram(args, env);
      if (code !== 0) throw new Error(`${args.join(' ')} exits ${code}: ${stderr}`);
      return stdout;
    };
    await answer('check');
    await answer('migrate', 'up');
    await answer('migrate', 'status');

    const bySchema = new DelegationLedger(database.db.withSchema(names.ledger));
    expect(await bySchema.insert({ delegationId: 'silent', ...delegation })).toMatchObject({ outcome: 'inserted' });
    await bySchema.setStatus('silent', 'in_progress');
    const late = await database.db.transaction().execute(async (trx) => {
      await sql`SET LOCAL search_path TO ${sql.id(names.ledger)}`.execute(trx);
      const byPath = new DelegationLedger(trx);
      await byPath.insert({ delegationId: 'late', ...delegation, deadlineMs: 1 });
      await byPath.heartbeatMany(['silent', 'late']);
      return byPath.get('late');
    });
    expect(late).toMatchObject({ status: 'queued' });
    expect(await bySchema.get('late')).toEqual(late);
    await database.query(`
    UPDATE "${names.ledger}".delegations SET last_heartbeat = now() - interval '1 hour' WHERE delegation_id = 'silent'`);

    expect(JSON.parse(await answer('sweep', '--dry-run', '--json'))).toMatchObject({ stuck: 1, failed: 1 });
    expect(JSON.parse(await answer('sweep', '--json'))).toMatchObject({ stuck: 1, failed: 1 });
    expect(await bySchema.get('silent')).toMatchObject({ status: 'stuck' });
    expect((await bySchema.history('late')).map(({ event }) => event)).toEqual([
      'delegation.queued',
      'delegation.failed',
    ]);

    await using daemon = startDaemon(database.url, env);
    expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup', stuck: 0, failed: 0 });
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual({ code: 0, signal: null });

    await answer('migrate', 'down', '--delete-all-data', '--even-if-running');
    expect(await runProgram(['migrate', 'status'], env)).toMatchObject({ code: 1 });
    // Nothing was written to the default schemas.
    expect(await database.query('SELECT * FROM public.delegations')).toEqual([]);
    expect(await database.query('SELECT * FROM pgboss.job')).toEqual([]);
  },
);
