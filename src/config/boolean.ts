import { type Value, value } from './value.ts';

export const boolean: Value<boolean> = value(
  'true or false',
  (text) => (text === 'true' || text === 'false' ? null : ''),
  (text) => text === 'true',
);
