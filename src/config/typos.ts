import type { Problem } from './config-error.ts';
import { keys } from './keys.ts';

/** Prefixes that are ours alone; DATABASE_ and LOG_ belong to others as well. */
const ours = /^(STUCK|SWEEP|STORM|OPS|DB|PGBOSS|SHUTDOWN)_/;
const known: readonly string[] = Object.values(keys).map((key) => key.env);
const maxDistance = 2;

/** Variables that look like a misspelt one of ours and would be ignored in silence. Their values are not shown. */
export function typos(env: NodeJS.ProcessEnv): Problem[] {
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!text || !ours.test(variable) || known.includes(variable)) continue;
    const nearest = nearestOf(variable);
    if (nearest !== null)
      problems.push({ variable, value: null, reason: `unknown variable, did you mean ${nearest}?` });
  }
  return problems;
}

function nearestOf(name: string): string | null {
  let nearest: string | null = null;
  let least = maxDistance + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
