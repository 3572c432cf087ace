import { storableText } from './arguments.ts';

/** Bytes of UTF-8 that a preview column holds; the tables' size constraints say the same. */
export const PREVIEW_BYTES_MAX = 4096;

/**
 * The text's longest start that fits a preview column, never ending inside a code point. NUL and lone surrogates become
 * U+FFFD. @throws InvalidArgumentError for anything but a string.
 */
export function cutPreview(field: string, value: unknown): string {
  const text = storableText(field, value);
  // A UTF-16 unit is at most three bytes of UTF-8: most texts fit without being encoded.
  if (text.length * 3 <= PREVIEW_BYTES_MAX) return text;
  // The encoder stops before a code point that does not fit whole.
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(PREVIEW_BYTES_MAX));
  return text.slice(0, read);
}
