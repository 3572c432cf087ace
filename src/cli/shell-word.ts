/** What no shell interprets. */
const PLAIN = /^[\w@%+:,./-]+$/;
/** What a terminal would obey, or show as nothing. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

/** The text as one word of a command, for bash and zsh, so that a person can copy the command from a terminal. */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (!UNSEEN.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  return `$'${Array.from(text, escaped).join('')}'`;
}

function escaped(character: string): string {
  if (character === '\\' || character === "'") return `\\${character}`;
  if (!UNSEEN.test(character)) return character;
  return `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`;
}
