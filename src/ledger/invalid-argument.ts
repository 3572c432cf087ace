import { isNativeError } from 'node:util/types';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { InvalidArgumentError } from './errors.ts';

/**
 * The error of a function of the schema about an argument that only the database can judge, by its clock, as this library's
 * InvalidArgumentError; any other error unchanged. The message begins with the argument's name.
 */
export function asInvalidArgument(err: unknown, fields: Readonly<Record<string, string>>): unknown {
  if (!isNativeError(err) || sqlstateOf(err) !== sqlstate.invalidParameterValue) return err;
  const [name = '', ...accepted] = err.message.split(' ');
  const field = fields[name];
  return field === undefined ? err : new InvalidArgumentError(field, accepted.join(' '));
}
