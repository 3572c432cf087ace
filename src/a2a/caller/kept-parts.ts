import type { Part } from '@a2a-js/sdk';

/** The parts for which there is room, in characters or bytes; of a text that does not fit, its start. */
export function keptParts(parts: readonly Part[], room: number): Part[] {
  const kept: Part[] = [];
  let left = room;
  for (const part of parts) {
    const { content } = part;
    const size = sizeOf(part);
    if (size <= left) kept.push(part);
    // A copy: a slice would keep all of the text in memory.
    else if (content?.$case === 'text' && left > 0) {
      const value = Buffer.from(content.value.slice(0, left)).toString();
      kept.push({ ...part, content: { $case: 'text', value } });
    }
    left -= size;
    if (left <= 0) break;
  }
  return kept;
}

/** What a part takes up besides its content: many empty ones need room, too. */
const PART_SIZE = 32;

export function sizeOf({ content }: Part): number {
  if (content === undefined) return PART_SIZE;
  const { value } = content;
  const text = Buffer.isBuffer(value) || typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return PART_SIZE + text.length;
}
