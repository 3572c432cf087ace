import { describe, expect, test } from '@jest/globals';
import { redacted } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';

/** Each holds s3cret, or parts of it between characters that a URL would have encoded. */
const urls = [
  'postgres://u:s3cret@h/db',
  'postgres://u:s3cret@h:70000/db',
  'postgres://u:s3cret@a,b/db',
  'postgres://u:s3cret@a:1,b:2/db',
  'postgres://u:s3cret,x@a:1,b:2/db',
  'postgres://u:s3cret,b',
  'postgres://u:x,s3cret@a,b@c,d/db',
  'postgres://:s3cret@h/db',
  'postgres://u:x@s3cret@h/db?sslmode=no-verify',
  'postgres://u:x/s3cret@h/db',
  'postgres://u:1/s3cret@h/db',
  'postgres://u:1?s3cret@h/db',
  'postgres://u:1#s3cret@h/db',
  'postgres://u:1#s3cret',
  'postgres://u:s3cret%@h/db',
  'postgres://u:x s3cret@h/db',
  'postgres://u:s3cret@/db?sslmode=no-verify',
  'postgres://h/db?user=u&password=s3cret&sslmode=no-verify',
  'postgres://h/db?p%61ssword=s3cret&sslmode=no-verify',
  'postgres://h/db?sslpassword=s3cret&ssl=no-verify',
  'postgres://h/db?password=x&s3cret',
  'postgres://h/db?password=x&s3cret=y&sslmode=no-verify',
  'postgres:/u:s3cret@h/db',
  'postgres:u:s3cret',
  'mysql://u:s3cret@h/db',
  'u:s3cret@h/db',
  'host=h user=u password=s3cret',
  's3cret',
  ' postgres://u:s3cret@h/db',
];

describe.each(urls)('%s', (url) => {
  test('shows no password, in the problem or in the configuration', () => {
    let shown: string;
    try {
      shown = JSON.stringify(redacted(loadConfig({ DATABASE_URL: url })));
    } catch (err) {
      shown = `${(err as Error).message} ${JSON.stringify(err)}`;
    }
    expect(shown).toContain('***');
    expect(shown).not.toContain('s3cret');
  });
});

test.each(['DATABASE_URL_FILE', 'DATA_DIR', 'OPS_HOST', 'SWEEP_CRON'])(
  'a connection string that got into %s by mistake is redacted as well',
  (variable) => {
    for (const text of ['postgres://u:s3cret@h/db', 'u:s3cret@h/db', 'host=h password = s3cret']) {
      const load = () => loadConfig({ [variable]: text, LOG_LEVEL: 'wrong' });
      expect(load).toThrow('LOG_LEVEL');
      expect(load).not.toThrow('s3cret');
    }
  },
);

test('the rest of the URL, and of the configuration, stays readable', () => {
  const config = loadConfig({ DATABASE_URL: 'postgresql://app:s3cret@db:5432/ledger?sslmode=verify-full' });
  expect(redacted(config)).toEqual({
    ...config,
    database: { kind: 'url', url: 'postgresql://app:***@db:5432/ledger?sslmode=verify-full' },
  });
});

test('with several hosts, in either form, only the password is hidden', () => {
  const several = 'postgresql://app:s3cret@a:5432,b:5433,[::1]/ledger?target_session_attrs=primary';
  expect(redacted(loadConfig({ DATABASE_URL: several })).database).toEqual({
    kind: 'url',
    url: several.replace('s3cret', '***'),
  });
  const query = 'postgresql://app:s3cret@/ledger?host=a,b&port=1,2';
  expect(redacted(loadConfig({ DATABASE_URL: query })).database).toEqual({
    kind: 'url',
    url: expect.stringMatching(/^postgresql:\/\/app:\*\*\*@localhost\/ledger\?host=a,b&port=1,2$/),
  });
});

test('a URL without a password is shown unchanged', () => {
  const url = 'postgresql://app@db/ledger';
  expect(redacted(loadConfig({ DATABASE_URL: url })).database).toEqual({ kind: 'url', url });
});

test('neither a secret of webhooks nor the path of their URL is shown, in a problem or in the configuration', () => {
  const key = Buffer.alloc(32, 7).toString('base64');
  const env = { WEBHOOK_URL: 'https://hooks.example.com/services/s3cret?token=s3cret', WEBHOOK_SECRET: `whsec_${key}` };
  const shown = redacted(loadConfig(env));
  expect(shown).toMatchObject({ webhookUrl: 'https://hooks.example.com/***', webhookSecret: ['***'] });
  for (const [variable, text] of [
    ['WEBHOOK_URL', 'http://hooks.example.com/s3cret'],
    ['WEBHOOK_URL', 's3cret'],
    ['WEBHOOK_SECRET', 's3cret'],
    ['WEBHOOK_SECRET', `whsec_${key}s3cret`],
    ['WEBHOOK_SECRET_FILE', `whsec_${key}`],
    ['LOG_LEVEL', `whsec_${key}`],
  ] as const) {
    const load = () => loadConfig({ ...env, [variable]: text });
    expect(load).toThrow(`${variable}=`);
    expect(load).not.toThrow('s3cret');
    expect(load).not.toThrow(key);
  }
});
