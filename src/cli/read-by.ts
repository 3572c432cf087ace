import { InvalidArgumentError } from 'commander';
import type { Value } from '../config/value.ts';

/** Reads an option as the environment's variables are read. */
export function readBy<T>({ schema }: Value<T>): (text: string) => T {
  return (text) => {
    const read = schema.safeParse(text);
    if (!read.success) throw new InvalidArgumentError(read.error.issues[0]!.message);
    return read.data;
  };
}
