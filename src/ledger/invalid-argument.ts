import { isNativeError } from 'node:util/types';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { InvalidArgumentError } from './errors.ts';

/**
 * What a function of the schema says of an argument that only it can judge, on the database's clock, as this library says
 * it; any other error as it is. The message begins with the argument's name.
 */
export function asInvalidArgument(err: unknown, fields: Readonly<Record<string, string>>): unknown {
  if (!isNativeError(err) || sqlstateOf(err) !== sqlstate.invalidParameterValue) return err;
  const [name = '', ...accepted] = err.message.split(' ');
  const field = fields[name];
  return field === undefined ? err : new InvalidArgumentError(field, accepted.join(' '));
}
