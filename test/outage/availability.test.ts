import { describe, expect, test } from '@jest/globals';
import { isRefusal, remedyOf } from '../../src/db/refusal.ts';
import type { Time } from '../../src/lifecycle/time.ts';
import { Availability } from '../../src/outage/availability.ts';
import { Outage } from '../../src/outage/outage.ts';
import { capturedLog } from '../support/fixtures.ts';

const coded = (code: string, message = code) => Object.assign(new Error(message), { code });
const away = coded('ECONNREFUSED');
const denied = coded('42501', 'permission denied for table sweeper_state');

function services(count: number) {
  const capture = capturedLog();
  let nowMs = 0;
  const time: Time = { now: () => nowMs, sleep: () => Promise.resolve() };
  const outage = new Outage(capture.log, time);
  return {
    ...capture,
    users: Array.from({ length: count }, () => new Availability(capture.log, time, outage)),
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

describe('an outage', () => {
  test('of a database that two services share is logged once: it begins with one, and ends when both succeed', () => {
    const { users, events, pass } = services(2);
    const [one, other] = users as [Availability, Availability];
    for (let i = 0; i < 3; i += 1) {
      one.failed(away);
      other.failed(away);
      pass(1000);
    }
    expect(events('database.unavailable').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    one.succeeded();
    expect(events('database.recovered')).toEqual([]);
    other.succeeded();
    expect(events('database.recovered')).toEqual([expect.objectContaining({ outageMs: 3000 })]);
  });

  test('goes on being logged by a service that still meets it after the one that met it first has succeeded', () => {
    const { users, events } = services(2);
    const [one, other] = users as [Availability, Availability];
    one.failed(away);
    other.failed(away);
    one.succeeded();
    other.failed(away);
    expect(events('database.unavailable').map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
});

describe('a refusal', () => {
  test('is no outage: nothing is unavailable, and nothing recovers, however the services take turns', () => {
    const { users, events } = services(2);
    const [refused, fine] = users as [Availability, Availability];
    for (let i = 0; i < 5; i += 1) {
      refused.failed(denied);
      fine.succeeded();
    }
    expect(events('database.unavailable')).toEqual([]);
    expect(events('database.recovered')).toEqual([]);
    expect(events('database.refused')).toEqual([
      expect.objectContaining({
        level: 'error',
        err: { code: '42501', message: 'permission denied for table sweeper_state' },
        remedy: expect.stringContaining('deploy/postgres/roles.sql'),
      }),
    ]);
  });

  test('is logged again after a minute, and another one at once', () => {
    const { users, events, pass } = services(1);
    const [user] = users as [Availability];
    user.failed(denied);
    pass(59_999);
    user.failed(denied);
    expect(events('database.refused')).toHaveLength(1);
    user.failed(coded('28P01'));
    expect(events('database.refused')).toHaveLength(2);
    pass(1);
    user.failed(denied);
    expect(events('database.refused')).toHaveLength(3);
  });

  test('in the middle of an outage leaves the outage to the service that still meets it', () => {
    const { users, events } = services(2);
    const [one, other] = users as [Availability, Availability];
    one.failed(away);
    other.failed(away);
    one.failed(denied);
    other.failed(away);
    expect(events('database.unavailable').map(({ attempt }) => attempt)).toEqual([1, 2]);
    other.succeeded();
    expect(events('database.recovered')).toEqual([]);
    one.succeeded();
    expect(events('database.recovered')).toHaveLength(1);
  });
});

describe('what is a refusal', () => {
  test.each([
    ['28P01', 'password'],
    ['28000', 'pg_hba.conf'],
    ['3D000', 'existing database'],
    ['42501', 'roles.sql'],
    ['42883', 'migrate up'],
    ['22P02', 'report it'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'sslrootcert'],
    ['EPROTO', 'sslrootcert'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'sslrootcert'],
  ])('%s, with what to do about it', (code, remedy) => {
    expect(isRefusal(coded(code))).toBe(true);
    expect(remedyOf(coded(code))).toContain(remedy);
  });

  test('an error of this program, and a missing password', () => {
    expect(isRefusal(new TypeError('x is not a function'))).toBe(true);
    expect(remedyOf(new TypeError('x is not a function'))).toContain('report it');
    const missing = new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
    expect(isRefusal(missing)).toBe(true);
    expect(remedyOf(missing)).toContain('password');
  });

  test.each(['ECONNREFUSED', '57P03', '53300', '25006', '08006', '40001', '55P03', 'EMFILE', 'EADDRNOTAVAIL'])(
    '%s is none',
    (code) => {
      expect(isRefusal(coded(code))).toBe(false);
    },
  );
});
