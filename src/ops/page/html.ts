/** Markup that is safe to insert into a page unescaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup with values. A value that is not Html is text and is escaped; null adds nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...parts.map(textOf)));
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'number') return String(part);
  return typeof part === 'string' ? escaped(part) : part.map(textOf).join('');
}

// Also invisible characters and those that change the direction of text: an id must not rearrange its line. The two joiners
// are kept: emoji and several scripts need them.
const special = /[&<>"']|(?![\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * Text for the value of an input, which is sent back as it stands: unlike on the page, nothing in it is replaced. Its box
 * keeps a change of direction to itself.
 */
export function inputText(text: string): Html {
  return new Html(text.replace(/[&<>"']/g, (character) => entities[character]!));
}

function escaped(text: string): string {
  return text.replace(special, (character) => entities[character] ?? '\ufffd');
}
