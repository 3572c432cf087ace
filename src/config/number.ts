import { type Value, value } from './value.ts';

/** An integer between two others, both included, in plain digits. */
export function integer(min: number, max: number): Value<number> {
  return value(
    `an integer from ${min} to ${max}`,
    (text) => {
      if (!/^(0|[1-9]\d*)$/.test(text)) return '';
      const number = Number(text);
      if (number < min) return `less than ${min}`;
      return number > max ? `more than ${max}` : null;
    },
    Number,
  );
}

export const ratio: Value<number> = value(
  'a decimal from 0 to 1, such as 0.5',
  (text) => (/^(0(\.\d+)?|1(\.0+)?)$/.test(text) ? null : ''),
  Number,
);
