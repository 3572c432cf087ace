import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { textValue, type Value } from './value.ts';

/** A schema's name, used quoted: upper and lower case differ. */
export function schemaName(maxBytes: number): Value<string> {
  return textValue(`a schema name: a letter or _, then letters, digits or _, ${maxBytes} at most`, (text) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return '';
    if (text.length > maxBytes) return `longer than ${maxBytes}`;
    return /^(pg_.*|information_schema)$/i.test(text) ? 'reserved by PostgreSQL' : null;
  });
}

const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

export const host = textValue('an IP address or a host name', (text) => {
  if (isIP(text) !== 0) return null;
  const labels = text.replace(/\.$/, '').split('.');
  // A last label of digits alone is a mistyped IPv4 address.
  const valid = text.length <= 253 && labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1)!);
  return valid ? null : '';
});

export function oneOf<const T extends string>(choices: readonly T[]): Value<T> {
  return textValue(`one of ${choices.join(', ')}`, (text) =>
    (choices as readonly string[]).includes(text) ? null : '',
  ) as Value<T>;
}

export const directory = textValue('the path of a directory, which is created when it is missing', (text) => {
  try {
    return statSync(text).isDirectory() ? null : 'is not a directory';
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : `cannot be used: ${code}`;
  }
});
