import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { errorFields, redactSecrets } from '../../src/log/error-fields.ts';

describe('errorFields', () => {
  test('gives the code and the message of an error', () => {
    const err = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (id)=(secret) exists' });
    expect(errorFields(err)).toEqual({ code: '23505', message: 'duplicate key' });
  });

  test('has null for a missing code and for one that is no string', () => {
    expect(errorFields(new Error('x'))).toEqual({ code: null, message: 'x' });
    expect(errorFields(Object.assign(new Error('x'), { code: 5 }))).toEqual({ code: null, message: 'x' });
  });

  test('accepts any thrown value', () => {
    expect(errorFields('plain')).toEqual({ code: null, message: 'plain' });
    expect(errorFields(undefined)).toEqual({ code: null, message: 'undefined' });
  });

  test("unwraps an AggregateError such as happy eyeballs' ECONNREFUSED", () => {
    const refused = ['::1', '127.0.0.1'].map((host) =>
      Object.assign(new Error(`connect ECONNREFUSED ${host}:5432`), { code: 'ECONNREFUSED' }),
    );
    expect(errorFields(new AggregateError(refused))).toEqual({
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432',
    });
  });

  test('a real refused connection has a code and names the address', async () => {
    const err = await new Promise((resolve) => connect(1, 'localhost').on('error', resolve));
    expect(errorFields(err)).toEqual({ code: 'ECONNREFUSED', message: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('redactSecrets', () => {
  test.each([
    ['connect to postgresql://app:s3cret@db:5432/x failed', 'connect to postgresql://app:***@db:5432/x failed'],
    ['postgres://app:s3@c/r#et@db/x', 'postgres://app:***@db/x'],
    ['"postgres://:s3cret@db"', '"postgres://:***@db"'],
    ['POSTGRES://app:s3cret@db', 'POSTGRES://app:***@db'],
    [
      'postgres://db/x?user=app&password=s3cret&sslmode=require',
      'postgres://db/x?user=app&password=***&sslmode=require',
    ],
    ["host=db password='s3 cret' user=app", 'host=db password=*** user=app'],
    ["host=db password='it\\'s s3cret' user=app", 'host=db password=*** user=app'],
    ['PGPASSWORD=s3cret psql', 'PGPASSWORD=*** psql'],
    ['host=db password=a,"s3cret', 'host=db password=***'],
  ])('%s', (text, redacted) => {
    expect(redactSecrets(text)).toBe(redacted);
  });

  test.each(['password authentication failed for user "app"', 'postgres://app@db/x', 'a@b.c wrote: x'])(
    'does not change a text without a secret: %s',
    (text) => {
      expect(redactSecrets(text)).toBe(text);
    },
  );
});
