/** A part of a request's target that is not percent-encoded UTF-8. The message says which part. */
export class BadEncoding extends Error {
  override readonly name = 'BadEncoding';
}

/** The text that a path's parameter stands for. @throws BadEncoding */
export function decodedParameter(parameter: string): string {
  return decoded(parameter, 'The address');
}

/**
 * The names and values of a query string, in order, as a browser's form writes them: `+` is a space. Unlike URLSearchParams
 * it never guesses: what is not UTF-8 would be looked for as another text. @throws BadEncoding
 */
export function decodedQuery(query: string): ReadonlyArray<readonly [string, string]> {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      const [name, value] = equals === -1 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
      return [formDecoded(name), formDecoded(value)] as const;
    });
}

function formDecoded(text: string): string {
  return decoded(text.replaceAll('+', ' '), 'The part after the “?” of the address');
}

function decoded(text: string, where: string): string {
  try {
    // Some clients send UTF-8 as it is; Node hands each such byte on as one character.
    return decodeURIComponent(text.replace(/[\x80-\xff]/g, encodeByte));
  } catch {
    throw new BadEncoding(`${where} is not percent-encoded UTF-8: ${text}`);
  }
}

function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`;
}
