import { Argument, InvalidArgumentError, Option } from 'commander';
import { nearestName } from '../config/near-miss.ts';

/** An option whose value is one of these. A value that is none of them is refused, with the one that was probably meant. */
export function optionOneOf(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices(values).argParser(oneOf(values));
}

/** The same for an argument. */
export function argumentOneOf(name: string, description: string, values: readonly string[]): Argument {
  return new Argument(name, description).choices(values).argParser(oneOf(values));
}

function oneOf(values: readonly string[]): (text: string) => string {
  return (text) => {
    if (values.includes(text)) return text;
    const nearest = nearestName(text, values);
    throw new InvalidArgumentError(
      `Allowed choices are ${values.join(', ')}.${nearest === null ? '' : `\n(Did you mean ${nearest}?)`}`,
    );
  };
}
