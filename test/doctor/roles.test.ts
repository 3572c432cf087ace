import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Profile, profiles } from '../../src/doctor/expected/rights.ts';
import { seedPast } from '../housekeeping/retention/retained.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type ServerWithTemplate, startOwnServer } from '../support/own-server.ts';
import { runProgram } from '../support/program.ts';
import { checkNamed, examineOn, findingsOf, type OnDatabase, sqlOf } from './doctor-on.ts';
import { applyRoles, roleOf } from './expected-files.ts';

// On a server of its own: roles belong to the whole server.
const undo = new AsyncDisposableStack();
let server: ServerWithTemplate;
let database: TestDatabase;
beforeAll(async () => {
  server = await startOwnServer(undo);
});
beforeEach(async () => {
  await database?.[Symbol.asyncDispose]();
  database = await createTestDatabase(server);
  await applyRoles(database.url);
});
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await undo.disposeAsync();
});

function as(role: string): OnDatabase {
  const url = new URL(database.url);
  url.username = role;
  return { url: url.href };
}

/** Where a role sees a part of something, and no permission is denied. */
const reasons: Readonly<Record<string, RegExp>> = {
  snapshots: /hides other roles' sessions/,
  webhooks: /this role may not read pg-boss's jobs/,
};

describe('a role of roles.sql', () => {
  test.each(profiles)('%s has all its rights, and lacks what is revoked', async (profile) => {
    const asked = as(roleOf(profile));
    expect(await findingsOf(asked, 'privileges')).toEqual([]);
    await database.query(`REVOKE SELECT ON activity_logs FROM ${roleOf(profile)}`);
    const how = 'missing: SELECT on public.activity_logs';
    expect(await findingsOf(asked, 'privileges')).toMatchObject([
      { severity: 'problem', what: `The role ${roleOf(profile)} lacks rights of a ${profile}`, how },
    ]);
    await applyRoles(database.url);
    expect(await findingsOf(asked, 'privileges')).toEqual([]);
  });

  test('sweeper that lost a right to write is still told from a reader', async () => {
    const role = roleOf('sweeper');
    await database.query(`REVOKE UPDATE ON sweeper_state FROM ${role}; REVOKE UPDATE (status, revision) ON delegations FROM ${role};
      REVOKE DELETE ON pgboss.job FROM ${role}`);
    const [finding] = await findingsOf(as(role), 'privileges');
    expect(finding?.what).toBe(`The role ${role} lacks rights of a sweeper`);
    expect(finding?.how).toBe(
      'missing: DELETE on pgboss.job; UPDATE (revision, status) on public.delegations; UPDATE on public.sweeper_state',
    );
  });

  test('writer may call each function', async () => {
    const role = roleOf('writer');
    await database.query('REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC');
    const [finding, ...others] = await findingsOf(as(role), 'privileges');
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: 'problem', how: expect.stringContaining('delegation_insert(') });
    for (const sql of sqlOf(finding!)) await database.query(sql);
    expect(await findingsOf(as(role), 'privileges')).toEqual([]);
  });

  test('sweeper may remove what a retention makes due where roles.sql was told so, and not otherwise', async () => {
    const asked = as(roleOf('sweeper'));
    expect(await findingsOf(asked, 'privileges', { retention: 'activity' })).toMatchObject([
      { severity: 'problem', how: 'missing: DELETE on public.activity_logs' },
    ]);
    await seedPast(database, [{ id: 'old', status: 'completed', created: 40 }]);
    const pruned = () =>
      runProgram(['prune', '--yes'], { DATABASE_URL: asked.url, RETENTION_DELEGATIONS: '30d', LOG_LEVEL: 'silent' });
    const refused = await pruned();
    expect(refused.code).toBe(78);
    expect(refused.stderr).toMatch(
      /the role delegation_sweeper_sweeper may not delete from activity_logs and delegations.*psql -v retention=on -f deploy\/postgres\/roles.sql/,
    );
    await applyRoles(database.url, ['retention=on']);
    expect(await findingsOf(asked, 'privileges', { retention: 'delegations' })).toEqual([]);
    expect(await pruned()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Removed 1 delegation and 2 rows'),
    });
    await applyRoles(database.url);
    expect(await findingsOf(asked, 'privileges', { retention: 'delegations' })).toMatchObject([
      { how: 'missing: DELETE on public.activity_logs; DELETE on public.delegations' },
    ]);
  });

  test('owner of everything lacks nothing', async () => {
    expect(await findingsOf(database, 'privileges')).toEqual([]);
  });

  test.each([...profiles])(
    '%s: what it may not read is said for each check, and stops no other',
    async (profile: Profile) => {
      const { checks } = await examineOn(as(roleOf(profile)));
      const notRun = checks.filter(({ outcome }) => outcome === 'not_run');
      for (const { check, reason } of notRun) {
        expect(reason).toMatch(reasons[check] ?? /permission denied for \w+ \w+ \(42501\)/);
      }
      const names = notRun.map(({ check }) => check);
      expect(names).toEqual(
        {
          sweeper: ['snapshots'],
          reader: ['snapshots'],
          writer: expect.arrayContaining(['schema', 'daemons', 'poisoned']),
        }[profile],
      );
    },
  );
});

test('settings that keep a role that only reads from harm are found for none but the roles that write', async () => {
  for (const profile of profiles) {
    await database.query(`ALTER ROLE ${roleOf(profile)} SET default_transaction_read_only = on`);
    await database.query(`ALTER ROLE ${roleOf(profile)} SET statement_timeout = '500ms'`);
  }
  const found = async (asked: OnDatabase) =>
    (await findingsOf(asked, 'settings'))
      .map(({ what }) => what)
      .filter((what) => /^(default_transaction_read_only|statement_timeout)/.test(what));
  const byOthers = (profile: Profile) => [
    `default_transaction_read_only for the role ${roleOf(profile)} is on: nothing can be written`,
    expect.stringContaining(`statement_timeout for the role ${roleOf(profile)} is 500 ms`),
  ];
  const own = [
    'default_transaction_read_only is on: nothing can be written',
    expect.stringMatching(/^statement_timeout is 500 ms/),
  ];
  expect(await found(as(roleOf('reader')))).toEqual([...byOthers('sweeper'), ...byOthers('writer')]);
  expect(await found(as(roleOf('writer')))).toEqual([...own, ...byOthers('sweeper')]);
  for (const profile of profiles) await database.query(`ALTER ROLE ${roleOf(profile)} RESET ALL`);
});

test('a role that is the actor of transitions is a note: its UPDATE is not told from a function with its name', async () => {
  await database.query(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ('a', 'b', 'c', 'd')`,
  );
  const { findings, checks } = await examineOn(database, {}, [checkNamed('symmetry')]);
  expect(findings).toEqual([]);
  expect(checks).toMatchObject([
    {
      outcome: 'passed',
      notes: [expect.stringMatching(/^1 of the last thousand activities have the role postgres as their actor: /)],
    },
  ]);
});

describe('row level security', () => {
  test('that hides rows from this role is found', async () => {
    const role = roleOf('sweeper');
    const asked = as(role);
    expect(await findingsOf(asked, 'row-level-security')).toEqual([]);
    await database.query('ALTER TABLE delegations ENABLE ROW LEVEL SECURITY');
    await database.query('CREATE POLICY everybody ON delegations USING (true)');
    const findings = await findingsOf(asked, 'row-level-security');
    expect(findings).toMatchObject([{ severity: 'problem', what: /hides rows of delegations/ }].map(matching));
    await database.query('ALTER TABLE public.delegations DISABLE ROW LEVEL SECURITY');
    expect(await findingsOf(asked, 'row-level-security')).toEqual([]);
  });

  test('that refuses the heartbeats of agents is found, also by a role to which it does not apply', async () => {
    await database.query('ALTER TABLE delegations ENABLE ROW LEVEL SECURITY');
    const findings = await findingsOf(database, 'row-level-security');
    expect(findings).toMatchObject([{ severity: 'problem', what: /refuses the heartbeats/ }].map(matching));
    for (const sql of sqlOf(findings[0]!)) await database.query(sql);
    expect(await findingsOf(database, 'row-level-security')).toEqual([]);
  });
});

function matching({ severity, what }: { severity: string; what: RegExp }) {
  return { severity, what: expect.stringMatching(what) };
}
