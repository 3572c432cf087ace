import { distance } from 'fastest-levenshtein';

/** Letters inserted, left out or replaced. A letter in the wrong place counts once: swapped letters are one mistake. */
export function mistakes(written: string, name: string): number {
  const count = distance(written, name);
  const isSwap = count === 2 && sortedLetters(written) === sortedLetters(name);
  return isSwap ? 1 : count;
}

function sortedLetters(word: string): string {
  return [...word].sort().join('');
}

/** Of these names the one that was probably meant; null when none is near: at most two mistakes in five letters. */
export function nearestName(written: string, names: readonly string[]): string | null {
  const [nearest] = names
    .map((name) => ({ name, count: mistakes(written.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, count }) => count <= Math.max(1, Math.floor((name.length * 2) / 5)))
    .toSorted((a, b) => a.count - b.count);
  return nearest?.name ?? null;
}
