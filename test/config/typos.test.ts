import { expect, test } from '@jest/globals';
import type { ConfigError } from '../../src/config/config-error.ts';
import { keys } from '../../src/config/keys.ts';
import { loadConfig } from '../../src/config/load.ts';
import { file } from './config-file.ts';
import { errorOf } from './error-of.ts';

const variables = Object.values(keys).map((key) => key.env);

test.each([
  ['STUCK_AFTR', 'STUCK_AFTER'],
  ['STCUK_AFTER', 'STUCK_AFTER'],
  ['STUCKAFTER', 'STUCK_AFTER'],
  ['STALE_AFTER', 'STUCK_AFTER'],
  ['stuck_after', 'STUCK_AFTER'],
  ['STUCK-AFTER', 'STUCK_AFTER'],
  ['SWEEP_BATCHSIZE', 'SWEEP_BATCH_SIZE'],
  ['SWEEP_MAX_ROW', 'SWEEP_MAX_ROWS'],
  ['SWEEP_CORN', 'SWEEP_CRON'],
  ['SWEEP_TIMEZONE', 'SWEEP_TZ'],
  ['STORM_RATOI', 'STORM_RATIO'],
  ['STROM_RATIO', 'STORM_RATIO'],
  ['STORM_MAXHOLD', 'STORM_MAX_HOLD'],
  ['OPS_PROT', 'OPS_PORT'],
  ['OP_PORT', 'OPS_PORT'],
  ['DB_SHEMA', 'DB_SCHEMA'],
  ['DB_POOL_SIZE', 'DB_POOL_MAX'],
  ['DB_POOLMAX', 'DB_POOL_MAX'],
  ['PGBOSS_SHEMA', 'PGBOSS_SCHEMA'],
  ['PG_BOSS_SCHEMA', 'PGBOSS_SCHEMA'],
  ['SHUTDOWN_GRACE_', 'SHUTDOWN_GRACE'],
  ['SHUTDOWN_TIMEOUT', 'SHUTDOWN_GRACE'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['DATABASE_URLS', 'DATABASE_URL'],
  ['DATABASEURL', 'DATABASE_URL'],
  ['DBASE_URL', 'DATABASE_URL'],
  ['DB_URL', 'DATABASE_URL'],
  ['DATABASE_URI_FILE', 'DATABASE_URL_FILE'],
  ['LOG_LVL', 'LOG_LEVEL'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['LOG_LEVLE', 'LOG_LEVEL'],
  ['DB_SKEMA', 'DB_SCHEMA'],
  ['DB_URI', 'DATABASE_URL'],
  ['DB_DSN', 'DATABASE_URL'],
  ['DATABASE_DSN', 'DATABASE_URL'],
  ['DATABASE_CONNECTION_STRING', 'DATABASE_URL'],
  ['DB_POOL', 'DB_POOL_MAX'],
  ['DB_POOL_MAX_SIZE', 'DB_POOL_MAX'],
  ['DB_POOL_LIMIT', 'DB_POOL_MAX'],
  ['DB_MAX_CONNECTIONS', 'DB_POOL_MAX'],
  ['SWEEP_SCHEDULE', 'SWEEP_CRON'],
  ['SWEEP_INTERVAL', 'SWEEP_CRON'],
  ['SWEEP_TIME_ZONE', 'SWEEP_TZ'],
  ['STUCK_TIMEOUT', 'STUCK_AFTER'],
  ['STUCK_THRESHOLD', 'STUCK_AFTER'],
  ['WEBHOOK_ENDPOINT', 'WEBHOOK_URL'],
  ['WEBHOOK_SIGNING_SECRET', 'WEBHOOK_SECRET'],
  ['WEBHOOK_SIGNING_KEY', 'WEBHOOK_SECRET'],
  ['LOG_VERBOSITY', 'LOG_LEVEL'],
  ['SHUTDOWN_GRACE_PERIOD', 'SHUTDOWN_GRACE'],
])('%s: did you mean %s?', (variable, nearest) => {
  const { message } = errorOf({ [variable]: 's3cret' });
  expect(message).toContain(`${variable}: unknown variable, did you mean ${nearest}?`);
  expect(message).not.toContain('s3cret');
});

test.each(variables)('%s with one letter left out, doubled, replaced or swapped with the next', (variable) => {
  const written = [...variable].flatMap((letter, at) => {
    const [before, after] = [variable.slice(0, at), variable.slice(at + 1)];
    const swapped = `${after.slice(0, 1)}${letter}${after.slice(1)}`;
    return [after, `${letter}${letter}${after}`, `X${after}`, swapped].map((rest) => `${before}${rest}`);
  });
  for (const name of written.filter((one) => !(variables as string[]).includes(one))) {
    expect(errorOf({ [name]: 'x' }).message).toContain(`${name}: unknown variable, did you mean `);
  }
});

test('a misspelling is named beside every other problem', () => {
  const { problems } = errorOf({ STUCK_AFTR: '5m', OPS_PORT: 'x', LOG_LVL: 'info' });
  expect(problems.map(({ variable }) => variable)).toEqual(['OPS_PORT', 'STUCK_AFTR', 'LOG_LVL']);
});

test.each([
  ...['OPS_SERVICE_PORT', 'OPS_SERVICE_HOST', 'OPS_PORT_9464_TCP', 'DB_HOST', 'DB_NAME', 'DB_USER', 'DB_PORT'],
  ...['DB_PASSWORD', 'DB_POOL_MIN', 'DB_POOL_TIMEOUT', 'DB_SSL', 'PG_SCHEMA', 'PGDATA', 'PGHOST', 'PGPORT'],
  ...['DATABASE_NAME', 'DATABASE_HOST', 'DATABASE_USER', 'DATABASE_SSL', 'DATABASE_PORT', 'DATABASE_ID'],
  ...[
    'DATABASE_URL_2',
    'DATABASE_URL2',
    'DATABASE_REPLICA_URL',
    'SHADOW_DATABASE_URL',
    'POSTGRES_URL',
    'REDIS_URL',
    'DATA_URL',
  ],
  ...['LOG_FILE', 'LOG_DIR', 'LOG_FORMAT', 'LOG_LABEL', 'LOGNAME', 'LOG_COLORS', 'HOSTNAME', 'HOST', 'PORT', 'TZ'],
  ...['APP_PORT', 'APP_HOST', 'API_PORT', 'API_HOST', 'DNS_PORT', 'SSH_PORT', 'DATA_PATH', 'XDG_DATA_DIRS'],
  ...['BOOK_URL', 'BOOK_SECRET', 'WEBHOOK_PORT', 'RETENTION_DAYS', 'PROBE_TIMEOUT', 'RETRY_MAX', 'STORM_UI_PORT'],
  ...['SHUTDOWN', 'SWEEP_BAT', 'PATH', 'HOME', 'NODE_OPTIONS', 'OTEL_SDK_DISABLED', 'STUCK', 'STORM'],
])('%s is not taken for a misspelling', (variable) => expect(() => loadConfig({ [variable]: 'x' })).not.toThrow());

test("the port of a Kubernetes Service of nearly the same name is that Service's", () => {
  const link = { OPA_SERVICE_HOST: '10.0.0.7', OPA_SERVICE_PORT: '8181', OPA_PORT: 'tcp://10.0.0.7:8181' };
  expect(() => loadConfig(link)).not.toThrow();
  expect(errorOf({ OPA_PORT: '8181' }).message).toContain('OPA_PORT: unknown variable, did you mean OPS_PORT?');
});

test('another common name of a variable is a problem only while the right one is not set', () => {
  const DATABASE_URL = 'postgres://h/db';
  expect(() => loadConfig({ DATABASE_URL, DB_URL: 'postgres://h/other' })).not.toThrow();
  const DATABASE_URL_FILE = file('proper', DATABASE_URL);
  expect(() => loadConfig({ DATABASE_URL_FILE, DB_URL: 'postgres://h/other' })).not.toThrow();
  expect(() => loadConfig({ DB_POOL_MAX: '4', DB_POOL_SIZE: '10' })).not.toThrow();
  expect(errorOf({ DATABASE_URL, DATABASE_URI: DATABASE_URL }).message).toContain('DATABASE_URI: unknown variable');
});

test("no variable's name is taken for a misspelling of another", () => {
  for (const variable of variables) {
    const problems = errorOrNone({ [variable]: 'x' })?.problems ?? [];
    expect(problems.filter(({ reason }) => reason.includes('did you mean'))).toEqual([]);
  }
});

test('an empty misspelt one counts as unset', () => {
  expect(() => loadConfig({ STUCK_AFTR: '' })).not.toThrow();
});

function errorOrNone(env: NodeJS.ProcessEnv): ConfigError | null {
  try {
    loadConfig(env);
    return null;
  } catch (err) {
    return err as ConfigError;
  }
}
