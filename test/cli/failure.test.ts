import { describe, expect, test } from '@jest/globals';
import { failureOf } from '../../src/cli/failure.ts';
import { CommandError } from '../../src/compose/command-error.ts';

const coded = (code: string, message = 'it failed') => Object.assign(new Error(message), { code });

describe('what a command ends with', () => {
  test.each([
    ['28P01', 69],
    ['3D000', 69],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 69],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 69],
    ['ECONNREFUSED', 69],
    ['57P03', 69],
    ['42501', 78],
  ])('%s is %i, with what to do and no stack', (code, exitCode) => {
    const failure = failureOf(coded(code));
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.message).toMatch(new RegExp(`: it failed \\(${code}\\)\\nWhat to do: .+\\.$`));
  });

  test('a defect of this program is 70, with the stack that a report needs', () => {
    const failure = failureOf(new TypeError('x is not a function'));
    expect(failure.exitCode).toBe(70);
    expect(failure.message).toMatch(/^Internal error, please report it: x is not a function\nTypeError.*\n +at /);
  });

  test('so is a statement that the database cannot run, without a stack, which would not help', () => {
    expect(failureOf(coded('42703'))).toEqual({
      exitCode: 70,
      message: 'Internal error, please report it: it failed (42703)',
    });
  });

  test('a missing file is not taken for a missing database, but a missing socket is', () => {
    const missing = (syscall: string) => failureOf(Object.assign(coded('ENOENT'), { syscall })).exitCode;
    expect(missing('connect')).toBe(69);
    expect(missing('open')).toBe(78);
    expect(missing('scandir')).toBe(70);
  });

  test('a failure while cleaning up is not reported instead of the cause, nor is that of a stop after a failed start', () => {
    const first = new CommandError(78, 'the reason');
    expect(failureOf(new SuppressedError(new Error('later'), first))).toBe(first);
    expect(failureOf(new AggregateError([first, new Error('stop')], 'x did not start', { cause: first }))).toBe(first);
  });

  test('what all hosts of a URL refuse is a refusal, with the same remedy as for one host', () => {
    const hosts = (...errors: Error[]) => failureOf(new AggregateError(errors, 'none of the hosts can be used'));
    const refused = hosts(coded('28P01', 'a: wrong password'), coded('28P01', 'b: wrong password'));
    expect(refused.exitCode).toBe(69);
    expect(refused.message).toMatch(
      /^The database refuses the connection: none of the hosts can be used: a: .+; b: .+ \(28P01\)\nWhat to do: check the user/,
    );
    expect(hosts(coded('3D000'), coded('3D000')).message).toMatch(
      /^The database refuses .+\nWhat to do: put the name of/,
    );
    const missing = Object.assign(coded('ENOENT'), { syscall: 'open' });
    expect(hosts(missing, missing).exitCode).toBe(78);
    // A server that is away may come back, and accept the password.
    expect(hosts(coded('ECONNREFUSED'), coded('28P01')).message).toMatch(/^The database is not available: /);
  });

  test('an error of several lines becomes one line', () => {
    expect(failureOf(coded('EPROTO', 'wrong version\nnumber:\n')).message).toMatch(
      /: wrong version number: \(EPROTO\)\n/,
    );
  });
});
