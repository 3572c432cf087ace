// Control and format characters, line separators, and half of a surrogate pair.
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/**
 * The text with every character that a terminal would interpret in a visible form: `\x1b`, `\n`, `\u202e`. An id comes
 * from any client that wrote the row, and must not move the cursor, change colours or begin a new line.
 */
export function visible(text: string): string {
  return text.replace(unseen, escaped);
}

/** The same for a text with several lines, which are kept. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** The same for every string in a JSON value, keys included. */
export function visibleDeep(value: unknown): unknown {
  if (typeof value === 'string') return visible(value);
  if (Array.isArray(value)) return value.map(visibleDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [visible(key), visibleDeep(inner)]));
}

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  if (short[character]) return short[character];
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
