/** Markup that is safe to put into a page as it is. */
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

/** Markup with values in it. Whatever is not Html itself is text, and is escaped; null is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...parts.map(textOf)));
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'number') return String(part);
  return typeof part === 'string' ? escaped(part) : part.map(textOf).join('');
}

// Also what is not seen, or turns text around: an id must not rearrange the line that it stands in. The two joiners stay:
// emoji and several scripts are made with them.
const special = /[&<>"']|(?![\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

function escaped(text: string): string {
  return text.replace(special, (character) => entities[character] ?? '\ufffd');
}
