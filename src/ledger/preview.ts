import { storableText } from './arguments.ts';

/** Bytes of UTF-8 that a preview column holds; the tables' size constraints have the same limit. */
export const PREVIEW_BYTES_MAX = 4096;

/**
 * The text's longest start that fits a preview column, never ending inside a code point. NUL and lone surrogates become
 * U+FFFD. @throws InvalidArgumentError for anything but a string.
 */
export function cutPreview(field: string, value: unknown): string {
  const text = storableText(field, value);
  // A UTF-16 unit is at most three bytes of UTF-8.
  const bytes = new Uint8Array(Math.min(PREVIEW_BYTES_MAX, text.length * 3));
  // The encoder stops before a code point that does not fit whole.
  const { written } = new TextEncoder().encodeInto(text, bytes);
  // Not a slice of the text, which would keep all of it in memory as long as the preview.
  return Buffer.from(bytes.buffer, 0, written).toString();
}
