import { distance } from 'fastest-levenshtein';

/** An id has at most so many characters. */
const ID_LENGTH_MAX = 200;
/** Of a longer id not every mistake of one character is tried. */
const EDITED_LENGTH_MAX = 64;
/** Letters at the beginning whose other case is tried. */
const CASED_LENGTH = 3;
/** A shorter beginning says too little. */
const CUT_OFF_LENGTH_MIN = 4;
const NEAR_MAX = 5;
/** One mistake in so many characters, and one in a shorter id, unless it is very short. */
const LENGTH_PER_MISTAKE = 6;
const MISTAKEN_LENGTH_MIN = 3;
/** What counts for an id that was cut off, or has something after it: less than a mistake. */
const CUT_OFF = 0.5;

const usual = [...'abcdefghijklmnopqrstuvwxyz0123456789-_.:'];

/** An id without what comes along when it is copied: spaces, quotes, brackets, a comma or a full stop. */
function trimmed(id: string): string {
  return id.replace(/^[\s"'`<([{]+|[\s"'`>)\]},;.]+$/gu, '').slice(0, ID_LENGTH_MAX);
}

/** What to look for in the place of an unknown id: see nearIdsStatement(). */
export function lookAlikes(unknown: string): { readonly prefixes: string[]; readonly variants: string[] } {
  const id = trimmed(unknown);
  if (id === '') return { prefixes: [], variants: [] };
  const prefixes = new Set([id, id.toLowerCase(), id.toUpperCase(), ...casesOf(id.slice(0, CASED_LENGTH))]);
  // More than the id was copied.
  const cut = Array.from({ length: id.length - 1 }, (_, length) => id.slice(0, length + 1));
  return { prefixes: [...prefixes], variants: [...new Set([...cut, ...edits(id)])] };
}

/** Of these ids the likeliest, at most five. */
export function nearest(unknown: string, candidates: readonly string[]): string[] {
  const id = trimmed(unknown).toLowerCase();
  const allowed = id.length < MISTAKEN_LENGTH_MIN ? CUT_OFF : Math.max(1, Math.floor(id.length / LENGTH_PER_MISTAKE));
  const oneMistake = new Set(edits(id));
  return candidates
    .map((candidate) => ({ candidate, mistakes: mistakesOf(id, candidate.toLowerCase(), oneMistake) }))
    .filter(({ mistakes }) => mistakes <= allowed)
    .sort((a, b) => a.mistakes - b.mistakes || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, NEAR_MAX)
    .map(({ candidate }) => candidate);
}

/** Two letters that were swapped are one mistake. */
function mistakesOf(id: string, candidate: string, oneMistake: ReadonlySet<string>): number {
  if (candidate === id) return 0;
  const [shorter, longer] = candidate.length < id.length ? [candidate, id] : [id, candidate];
  const isCutOff = longer.startsWith(shorter) && shorter.length >= CUT_OFF_LENGTH_MIN;
  if (isCutOff) return CUT_OFF;
  return oneMistake.has(candidate) ? 1 : distance(id, candidate);
}

/** The text with each of its letters in either case. */
function casesOf(text: string): string[] {
  return [...text].reduce<string[]>(
    (heads, letter) => heads.flatMap((head) => [head + letter.toLowerCase(), head + letter.toUpperCase()]),
    [''],
  );
}

/** The id with one character left out, added, replaced, or swapped with the next one. */
function edits(id: string): string[] {
  const letters = [...id];
  if (letters.length > EDITED_LENGTH_MAX) return [];
  const alphabet = new Set([...usual, ...letters]);
  const made = (at: number, length: number, middle: string) =>
    letters.slice(0, at).join('') + middle + letters.slice(at + length).join('');
  return letters
    .concat('')
    .flatMap((letter, at) => [
      ...(letter === '' ? [] : [made(at, 1, ''), made(at, 2, (letters[at + 1] ?? '') + letter)]),
      ...[...alphabet].flatMap((other) => [made(at, 0, other), ...(letter === '' ? [] : [made(at, 1, other)])]),
    ]);
}
