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
      kept.push({ content: { $case: 'text', value }, mediaType: '', filename: '', metadata: undefined });
    }
    left -= size;
    if (left <= 0) break;
  }
  return kept;
}

/** What a part takes up besides its content: many empty ones need room, too. */
const PART_SIZE = 32;

export function sizeOf({ content, ...around }: Part): number {
  const size =
    PART_SIZE + (around.metadata === undefined ? 0 : jsonSize(around.metadata)) + (around.filename?.length ?? 0);
  if (content === undefined) return size;
  const { value } = content;
  return size + (Buffer.isBuffer(value) || typeof value === 'string' ? value.length : jsonSize(value));
}

/** Characters of its JSON; without a bound for what JSON cannot hold. */
export function jsonSize(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
