import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/config.ts';
import { durationText } from '../../src/config/duration.ts';
import { keys } from '../../src/config/keys.ts';
import { isNamed } from '../../src/config/ledger-names.ts';
import { loadConfig } from '../../src/config/load.ts';
import { file } from './config-file.ts';
import { errorOf } from './error-of.ts';

/** A secret with a key of so many bytes, in which each character of the alphabet that could be mistaken comes up. */
function secretOf(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 0xff).toString('base64')}`;
}
const SECRET = secretOf(32);
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

const variables = Object.values(keys).map((key) => key.env);

/** For every variable: a value at, or just inside, each bound, and values just outside or of another form. */
const cases: Record<string, { good: [text: string, property: keyof Config, value: unknown][]; bad: string[] }> = {
  DATABASE_URL: {
    good: [
      ['postgres://h/db', 'database', { kind: 'url', url: 'postgres://h/db' }],
      ['postgresql://u:p%40ss@[::1]:5432/db?sslmode=disable', 'database', expect.objectContaining({ kind: 'url' })],
      ['postgres://u:p@a,b:5433/db', 'database', { kind: 'url', url: 'postgres://u:p@a,b:5433/db' }],
      ['postgresql:///db?host=/run/postgresql', 'database', expect.objectContaining({ kind: 'url' })],
      ['postgresql://u@/db?host=/run/postgresql', 'database', expect.objectContaining({ kind: 'url' })],
    ],
    bad: [
      'mysql://h/db',
      'h/db',
      'host=h dbname=db',
      'postgres://h:70000/db',
      'postgres://h/db ',
      'postgres://u:p/s@h/db',
      'postgres://u:1#s@h/db',
      'postgres://u:50%@h/db',
      'postgres://h/db?sslmode=no-verify',
      'postgres://h/db?ssl=no-verify',
      'postgres://h/db?sslmode=bogus',
      'postgres://h/db?hostaddr=10.0.0.1',
    ],
  },
  DATABASE_URL_FILE: { good: [], bad: ['/no/such/file', '/', 'nul\0'] },
  DATA_DIR: {
    good: [['/no/such/directory', 'database', { kind: 'embedded', embeddedDir: '/no/such/directory' }]],
    bad: [process.execPath, `${process.execPath}/data`, 'nul\0'],
  },
  DB_SCHEMA: {
    good: [
      ['_', 'dbSchema', '_'],
      ['s'.repeat(63), 'dbSchema', 's'.repeat(63)],
      ['Ledger_2', 'dbSchema', 'Ledger_2'],
    ],
    bad: ['s'.repeat(64), '2s', 'a-b', 'a"b', 'pg_toast', 'PG_x', 'information_schema', 'ü', ' '],
  },
  DB_SCHEMAS: {
    good: [
      ['eu', 'dbSchemas', ['eu']],
      ['eu, us,tenant_*', 'dbSchemas', ['eu', 'us', 'tenant_*']],
      [`${'s'.repeat(62)}*`, 'dbSchemas', [`${'s'.repeat(62)}*`]],
    ],
    bad: [
      '*',
      'eu,',
      ',',
      'eu;us',
      'a*b',
      '*a',
      'a**',
      'eu,eu',
      'pg_*',
      'information_schema',
      `${'s'.repeat(63)}*`,
      'ü*',
      ' ',
    ],
  },
  PGBOSS_SCHEMA: {
    good: [['p'.repeat(50), 'pgbossSchema', 'p'.repeat(50)]],
    bad: ['p'.repeat(51), '2p', 'a.b', 'pg_boss', 'information_schema', 'public', 'PUBLIC'],
  },
  DB_POOL_MAX: {
    good: [
      ['1', 'dbPoolMax', 1],
      ['100', 'dbPoolMax', 100],
    ],
    bad: ['0', '101', '1e1', ' 4', '4 ', '+4', '04', '4.0', '0x4', '-1', '٤'],
  },
  SWEEP_CRON: {
    good: [
      ['*/5 * * * *', 'sweepCron', '*/5 * * * *'],
      ['0 6 * * MON-FRI', 'sweepCron', '0 6 * * MON-FRI'],
      ['0 0 29 2 THU', 'sweepCron', '0 0 29 2 THU'],
    ],
    bad: ['* * * *', '* * * * * *', '@hourly', '60 * * * *', '*/0 * * * *', '0 0 31 2 *', 'a b c d e', 'H * * * *'],
  },
  SWEEP_TZ: {
    good: [['Europe/Berlin', 'sweepTz', 'Europe/Berlin']],
    bad: ['Europe/Berlim', '+02:00', 'CEST5', ' UTC'],
  },
  SWEEP_ON_TIME: {
    good: [
      ['true', 'sweepOnTime', true],
      ['false', 'sweepOnTime', false],
    ],
    bad: ['True', 'FALSE', 'yes', 'no', '1', '0', 'on', 'off', ' true'],
  },
  STUCK_AFTER: {
    good: [
      ['1s', 'stuckAfterMs', 1000],
      ['1000ms', 'stuckAfterMs', 1000],
      ['30d', 'stuckAfterMs', 2_592_000_000],
      ['6h', 'stuckAfterMs', 21_600_000],
    ],
    bad: ['999ms', '2592000001ms', '31d', '10', '10 m', '1.5h', '-1m', '10M', '1e3s', 'm', '1h30m', '9'.repeat(400)],
  },
  SWEEP_BATCH_SIZE: {
    good: [
      ['1', 'sweepBatchSize', 1],
      ['10000', 'sweepBatchSize', 10_000],
    ],
    bad: ['0', '10001'],
  },
  SWEEP_MAX_ROWS: {
    good: [
      ['1', 'sweepMaxRows', 1],
      ['10000000', 'sweepMaxRows', 10_000_000],
    ],
    bad: ['0', '10000001', '100_000'],
  },
  STORM_MIN_STALE: {
    good: [
      ['1', 'stormMinStale', 1],
      ['1000000', 'stormMinStale', 1_000_000],
    ],
    bad: ['0', '1000001'],
  },
  STORM_RATIO: {
    good: [
      ['0', 'stormRatio', 0],
      ['0.25', 'stormRatio', 0.25],
      ['1', 'stormRatio', 1],
      ['1.0', 'stormRatio', 1],
    ],
    bad: ['1.01', '-0.1', '50%', '.5', '0,5', 'NaN', '5e-1'],
  },
  STORM_MIN_CALLEES: {
    good: [
      ['1', 'stormMinCallees', 1],
      ['1000000', 'stormMinCallees', 1_000_000],
    ],
    bad: ['0', '1000001', '1.5'],
  },
  STORM_MAX_HOLD: {
    good: [
      ['0s', 'stormMaxHoldMs', 0],
      ['30d', 'stormMaxHoldMs', 2_592_000_000],
    ],
    bad: ['31d', '-1s', 'forever'],
  },
  RETRY_MAX_ATTEMPTS: {
    good: [
      ['0', 'retryMaxAttempts', 0],
      ['20', 'retryMaxAttempts', 20],
    ],
    bad: ['21', '-1', '2.5', 'yes'],
  },
  // Good ones need a secret: see below.
  WEBHOOK_URL: {
    good: [],
    bad: ['hooks.example.com', 'ftp://hooks.example.com/', 'https://u:p@hooks.example.com/', 'https://h/#here'],
  },
  WEBHOOK_SECRET: {
    good: [
      [SECRET, 'webhookSecret', [SECRET]],
      [` ${SECRET}\n${OTHER_SECRET}\n`, 'webhookSecret', [SECRET, OTHER_SECRET]],
      [secretOf(24), 'webhookSecret', [secretOf(24)]],
      [secretOf(64), 'webhookSecret', [secretOf(64)]],
    ],
    bad: [
      secretOf(23),
      secretOf(65),
      SECRET.slice('whsec_'.length),
      SECRET.replace(/=+$/, ''),
      SECRET.replaceAll('/', '_'),
      `${SECRET},${OTHER_SECRET}`,
      `${SECRET} ${OTHER_SECRET} ${secretOf(40)}`,
      ' ',
      'whsec_',
    ],
  },
  WEBHOOK_SECRET_FILE: { good: [], bad: ['/no/such/file', '/', SECRET] },
  WEBHOOK_GROUP_BY: { good: [['callee', 'webhookGroupBy', 'callee']], bad: ['caller', 'none', 'Callee'] },
  WEBHOOK_ALLOW_PRIVATE: { good: [['true', 'webhookAllowPrivate', true]], bad: ['yes', '1'] },
  RETENTION_DELEGATIONS: {
    good: [
      ['off', 'retentionDelegationsMs', null],
      ['1h', 'retentionDelegationsMs', 3_600_000],
      ['3650d', 'retentionDelegationsMs', 315_360_000_000],
    ],
    bad: ['59m', '6m', '3651d', 'never', '0', '30'],
  },
  RETENTION_ACTIVITY: {
    good: [
      ['off', 'retentionActivityMs', null],
      ['1h', 'retentionActivityMs', 3_600_000],
      ['3650d', 'retentionActivityMs', 315_360_000_000],
    ],
    bad: ['59m', '6m', '3651d', 'never', '0', '30'],
  },
  A2A_PROBE: { good: [['false', 'a2aProbe', false]], bad: ['yes', '1'] },
  A2A_PROBE_ALLOW: {
    good: [
      ['agents.example.com', 'a2aProbeAllow', ['agents.example.com']],
      [
        'Agents.Example.com:8443, *.svc.cluster.local,127.0.0.1:4000',
        'a2aProbeAllow',
        ['agents.example.com:8443', '*.svc.cluster.local', '127.0.0.1:4000'],
      ],
      ['[0:0::1]:80,[::1]', 'a2aProbeAllow', ['[::1]:80', '[::1]']],
      ['bücher.example,a_b', 'a2aProbeAllow', ['xn--bcher-kva.example', 'a_b']],
      ['h:65535', 'a2aProbeAllow', ['h:65535']],
    ],
    bad: [
      'https://agents.example.com',
      '*',
      '*.',
      'a.*.example.com',
      '*.127.0.0.1',
      'h:0',
      'h:65536',
      'h:port',
      'h/path',
      'u@h',
      'h,,i',
      'h i',
      '::1',
      '256.0.0.1',
    ],
  },
  A2A_PROBE_ALLOW_PRIVATE: { good: [['true', 'a2aProbeAllowPrivate', true]], bad: ['True', 'no'] },
  A2A_PROBE_TIMEOUT: {
    good: [
      ['100ms', 'a2aProbeTimeoutMs', 100],
      ['30s', 'a2aProbeTimeoutMs', 30_000],
    ],
    bad: ['99ms', '31s', '5'],
  },
  A2A_PROBE_MAX: {
    good: [
      ['1', 'a2aProbeMax', 1],
      ['1000', 'a2aProbeMax', 1000],
    ],
    bad: ['0', '1001', 'all'],
  },
  A2A_PROBE_CREDENTIALS_DIR: { good: [['/', 'a2aProbeCredentialsDir', '/']], bad: ['/no/such/folder', '/etc/passwd'] },
  OPS_HOST: {
    good: [
      ['0.0.0.0', 'opsHost', '0.0.0.0'],
      ['::1', 'opsHost', '::1'],
      ['ops.example.com', 'opsHost', 'ops.example.com'],
    ],
    bad: ['256.0.0.1', 'http://localhost', 'localhost:9464', '-a', 'a..b', 'a'.repeat(64)],
  },
  OPS_PORT: {
    good: [
      ['0', 'opsPort', 0],
      ['65535', 'opsPort', 65_535],
    ],
    bad: ['65536', '-1', 'tcp://10.0.0.1:80'],
  },
  OPS_SHOW_PREVIEWS: {
    good: [
      ['true', 'opsShowPreviews', true],
      ['false', 'opsShowPreviews', false],
    ],
    bad: ['True', 'yes', '1', ' true'],
  },
  LOG_LEVEL: { good: [['debug', 'logLevel', 'debug']], bad: ['verbose', 'INFO', '30'] },
  SHUTDOWN_GRACE: {
    good: [
      ['1s', 'shutdownGraceMs', 1000],
      ['10m', 'shutdownGraceMs', 600_000],
    ],
    bad: ['999ms', '601s', '25'],
  },
};

test('every variable is tested here with wrong values', () => {
  expect(Object.keys(cases)).toEqual(variables);
  for (const { bad } of Object.values(cases)) expect(bad.length).toBeGreaterThan(0);
});

describe.each(variables)('%s', (variable) => {
  const { good, bad } = cases[variable]!;

  for (const [text, property, value] of good) {
    test(`accepts ${text}`, () => expect(loadConfig({ [variable]: text })[property]).toEqual(value));
  }

  test.each(bad)('refuses %j', (text) => {
    const { problems, message } = errorOf({ [variable]: text });
    expect(problems.map((problem) => problem.variable)).toEqual([variable]);
    expect(message).toMatch(new RegExp(`^  ${variable}=".*accepted: `, 'm'));
  });
});

test('DB_SCHEMA and DB_SCHEMAS are not both accepted, nor is a ledger in the schema of pg-boss', () => {
  const both = errorOf({ DB_SCHEMA: 'eu', DB_SCHEMAS: 'eu,us' });
  expect(both.message).toMatch(/DB_SCHEMAS="eu,us": DB_SCHEMA is set as well \(eu\); accepted: one of the two/);
  const { problems } = errorOf({ DB_SCHEMAS: 'eu,PgBoss' });
  expect(problems.map(({ variable }) => variable)).toEqual(['PGBOSS_SCHEMA']);
  expect(loadConfig({ DB_SCHEMAS: 'eu', PGBOSS_SCHEMA: 'public' }).dbSchemas).toEqual(['eu']);
});

test('a prefix takes only names that DB_SCHEMAS accepts in full', () => {
  const isTaken = (schema: string) => isNamed(schema, ['tenant_*', 'p*', 'eu'], 'pgboss');
  expect(['tenant_a', 'tenant_A1', 'public', 'eu'].filter((schema) => !isTaken(schema))).toEqual([]);
  const refused = ['tenant_a-b', 'tenant_a b', 'tenant_é', 'tenant_"', 'tenant_a,b', 'pg_toast', 'pgboss', 'us'];
  expect(refused.filter(isTaken)).toEqual([]);
});

test('an empty environment is valid and gives the defaults of the contract', () => {
  const config = loadConfig({});
  expect(config).toEqual({
    database: { kind: 'embedded', embeddedDir: '.data' },
    telemetry: { disabled: false, traces: false, metrics: false, metricIntervalMs: 60_000 },
    dataDir: '.data',
    dbSchema: 'public',
    dbSchemas: null,
    pgbossSchema: 'pgboss',
    dbPoolMax: 4,
    sweepCron: '* * * * *',
    sweepTz: 'UTC',
    sweepOnTime: true,
    stuckAfterMs: 600_000,
    stuckAfterIsSet: false,
    sweepBatchSize: 1000,
    sweepMaxRows: 100_000,
    stormMinStale: 20,
    stormRatio: 0.5,
    stormMinCallees: 2,
    stormMaxHoldMs: 1_800_000,
    retryMaxAttempts: 0,
    webhookUrl: null,
    webhookSecret: null,
    webhookSecretFile: null,
    webhookGroupBy: null,
    webhookAllowPrivate: false,
    retentionDelegationsMs: null,
    retentionActivityMs: null,
    a2aProbe: false,
    a2aProbeAllow: null,
    a2aProbeAllowPrivate: false,
    a2aProbeTimeoutMs: 5_000,
    a2aProbeMax: 100,
    a2aProbeCredentialsDir: null,
    opsHost: '127.0.0.1',
    opsPort: 9464,
    opsShowPreviews: false,
    logLevel: 'info',
    shutdownGraceMs: 25_000,
  });
  expect(Object.isFrozen(config) && Object.isFrozen(config.database)).toBe(true);
});

test('the configuration knows whether STUCK_AFTER was set, also when it was set to its default', () => {
  expect(loadConfig({ STUCK_AFTER: '10m' }).stuckAfterIsSet).toBe(true);
  expect(loadConfig({ STUCK_AFTER: '' }).stuckAfterIsSet).toBe(false);
});

test.each([
  [1, '1ms'],
  [1_500, '1500ms'],
  [90_000, '90s'],
  [600_000, '10m'],
  [7_200_000, '2h'],
  [2_592_000_000, '30d'],
])('%i ms is written %s', (ms, text) => expect(durationText(ms)).toBe(text));

test('an empty variable counts as unset', () => {
  expect(loadConfig(Object.fromEntries(variables.map((variable) => [variable, ''])))).toEqual(loadConfig({}));
});

test('every variable wrong at once gives one error with all of them, each with its value and what is accepted', () => {
  const env = Object.fromEntries(variables.map((variable) => [variable, cases[variable]!.bad[0]!]));
  const { problems, message } = errorOf(env);
  expect(new Set(problems.map((problem) => problem.variable))).toEqual(new Set(variables));
  for (const { env: variable, accepted } of Object.values(keys)) {
    expect(message).toContain(`\n  ${variable}="`);
    expect(message).toContain(`accepted: ${accepted}`);
    // No part may be shown of a connection URL that does not parse, of a secret, or of where webhooks go.
    if (!isSecret(variable)) expect(message).toContain(JSON.stringify(env[variable]));
  }
});

const isSecret = (variable: string) => ['DATABASE_URL', 'WEBHOOK_URL', 'WEBHOOK_SECRET'].includes(variable);

describe('WEBHOOK_URL', () => {
  test.each<[string, Record<string, string>]>([
    ['https://hooks.example.com/T0/path?x=1', {}],
    ['https://8.8.8.8/', {}],
    ['https://10.0.0.1/', { WEBHOOK_ALLOW_PRIVATE: 'true' }],
    ['http://receiver.agents.svc.cluster.local:8080/', { WEBHOOK_ALLOW_PRIVATE: 'true' }],
  ])('accepts %s with %j', (url, env) => {
    expect(loadConfig({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET, ...env }).webhookUrl).toBe(url);
  });

  test.each<[string, Record<string, string>, string]>([
    ['http://hooks.example.com/', {}, 'the protocol is http'],
    ['https://10.0.0.1/', {}, 'not an address that may be connected to'],
    ['https://[::ffff:7f00:1]/', {}, 'not an address that may be connected to'],
    ['https://2130706433/', {}, 'not an address that may be connected to'],
    ['https://224.0.0.1/', { WEBHOOK_ALLOW_PRIVATE: 'true' }, 'not an address that may be connected to'],
  ])('refuses %s with %j', (url, env, reason) => {
    const { problems } = errorOf({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET, ...env });
    expect(problems).toEqual([
      { variable: 'WEBHOOK_URL', value: expect.any(String), reason: expect.stringContaining(reason) },
    ]);
    expect(problems[0]!.reason).toContain('WEBHOOK_ALLOW_PRIVATE=true');
  });

  test('needs a secret, in the environment or in a file, and not both', () => {
    const url = 'https://hooks.example.com/';
    const path = file('webhook-secret', `${SECRET}\n${OTHER_SECRET}\n`);
    expect(errorOf({ WEBHOOK_URL: url }).problems).toEqual([
      { variable: 'WEBHOOK_SECRET', value: null, reason: expect.stringContaining('posts nothing unsigned') },
    ]);
    expect(loadConfig({ WEBHOOK_URL: url, WEBHOOK_SECRET_FILE: path })).toMatchObject({
      webhookSecret: null,
      webhookSecretFile: path,
    });
    const both = errorOf({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET, WEBHOOK_SECRET_FILE: path });
    expect(both.problems).toEqual([
      {
        variable: 'WEBHOOK_SECRET_FILE',
        value: path,
        reason: expect.stringContaining('WEBHOOK_SECRET is set as well'),
      },
    ]);
  });

  test('a secret in a file is refused for what is wrong with it, without a part of it', () => {
    const path = file('webhook-secret-bad', `${SECRET}\nwhsec_c2hvcnQ=\n`);
    const { message } = errorOf({ WEBHOOK_URL: 'https://h/', WEBHOOK_SECRET_FILE: path });
    expect(message).toContain('secret 2 of 2 has 5 bytes, fewer than 24');
    expect(message).not.toContain('c2hvcnQ');
  });
});

test('A2A_PROBE=true without hosts that may be asked is refused, and says so', () => {
  const { problems } = errorOf({ A2A_PROBE: 'true' });
  expect(problems).toEqual([
    { variable: 'A2A_PROBE_ALLOW', value: null, reason: expect.stringContaining('A2A_PROBE=true asks no host') },
  ]);
  expect(loadConfig({ A2A_PROBE: 'true', A2A_PROBE_ALLOW: '*.example.com' }).a2aProbe).toBe(true);
});

test('six cron fields are refused with the reason', () => {
  expect(errorOf({ SWEEP_CRON: '*/10 * * * * *' }).message).toContain('a tick is a minute');
});

test('sslmode=no-verify is refused with the reason', () => {
  expect(errorOf({ DATABASE_URL: 'postgres://h/db?sslmode=no-verify' }).message).toContain('any certificate');
});

describe('DATABASE_URL_FILE', () => {
  test('keeps only the path, since the file is read again at each connection', () => {
    const path = file('good', 'postgres://u:s3cret@h/db\n');
    expect(loadConfig({ DATABASE_URL_FILE: path }).database).toEqual({ kind: 'file', file: path });
  });

  test.each(['', 'postgres://u:s3cret@h:70000/db', 'postgres://u:s3cret@h/db?sslmode=no-verify', 's3cret'])(
    'refuses a file that holds %j, without showing its content',
    (content) => {
      const { problems, message } = errorOf({ DATABASE_URL_FILE: file('bad', content) });
      expect(problems).toHaveLength(1);
      expect(message).toContain('its content');
      expect(message).not.toContain('s3cret');
    },
  );

  test('excludes DATABASE_URL', () => {
    const env = { DATABASE_URL: 'postgres://h/db', DATABASE_URL_FILE: file('good', 'postgres://h/db') };
    expect(errorOf(env).message).toContain('accepted: one of the two');
  });
});

test.each([
  ['bogus', 'bogus is unknown; accepted: sslmode=disable, require, verify-ca or verify-full'],
  ['prefer', 'falls back to a connection without TLS'],
])('PGSSLMODE=%s is refused with the reason', (mode, reason) => {
  expect(errorOf({ DATABASE_URL: 'postgres://h/db', PGSSLMODE: mode }).message).toContain(reason);
});

test.each([
  ['mysql://h/db', 'does not begin with postgresql:// or postgres://'],
  ['postgres://h:70000/db', 'a port is not a number from 1 to 65535'],
  ['postgres://u:1#s@h/db', 'must be percent-encoded'],
  ['postgres://h/db?sslmode=bogus', 'sslmode=bogus is unknown; accepted: sslmode=disable, require, verify-ca'],
  ['postgres://h/db?uselibpqcompat=true&sslmode=require', 'would accept any certificate'],
  ['postgres://h/db?hostaddr=10.0.0.1', 'hostaddr is not supported'],
  ['postgres://h/db?target_session_attrs=standby', 'target_session_attrs=standby'],
])('%s is refused with the reason, from a file as well', (url, reason) => {
  expect(errorOf({ DATABASE_URL: url }).message).toContain(reason);
  expect(errorOf({ DATABASE_URL_FILE: file('refused', url) }).message).toMatch(/its content: /);
  expect(errorOf({ DATABASE_URL_FILE: file('refused', url) }).message).toContain(reason);
});

test('PGSSLMODE=no-verify, which the driver would apply by itself, is refused like sslmode=no-verify', () => {
  expect(errorOf({ DATABASE_URL: 'postgres://h/db', PGSSLMODE: 'no-verify' }).message).toContain(
    'PGSSLMODE="no-verify"',
  );
  expect(loadConfig({ DATABASE_URL: 'postgres://h/db', PGSSLMODE: 'verify-full' }).database.kind).toBe('url');
});

describe('NODE_ENV=production', () => {
  test('needs a database', () => {
    expect(errorOf({ NODE_ENV: 'production' }).message).toMatch(/^ {2}DATABASE_URL: not set, and NODE_ENV=production/m);
  });

  test('accepts either variable', () => {
    expect(loadConfig({ NODE_ENV: 'production', DATABASE_URL: 'postgres://h/db' }).database.kind).toBe('url');
    const DATABASE_URL_FILE = file('good', 'postgres://h/db');
    expect(loadConfig({ NODE_ENV: 'production', DATABASE_URL_FILE }).database.kind).toBe('file');
  });
});

test('a very long value is cut in the message', () => {
  expect(errorOf({ LOG_LEVEL: 'x'.repeat(10_000) }).message.length).toBeLessThan(500);
});
