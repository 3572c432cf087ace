import type { Problem } from './config-error.ts';
import { type KeyName, keys } from './keys.ts';
import { mistakes } from './near-miss.ts';

const known: readonly string[] = Object.values(keys).map((key) => key.env);

/**
 * Names that other programs use for the same setting. The variable may be meant for such a program, so it is a problem
 * only while ours is not set.
 */
const otherNames: { readonly [K in KeyName]?: readonly string[] } = {
  databaseUrl: ['DB_URL', 'DB_URI', 'DB_DSN', 'DATABASE_DSN', 'DATABASE_CONNECTION_STRING'],
  dbPoolMax: ['DB_POOL', 'DB_POOL_SIZE', 'DB_POOL_MAX_SIZE', 'DB_POOL_LIMIT', 'DB_MAX_CONNECTIONS'],
  sweepCron: ['SWEEP_SCHEDULE', 'SWEEP_INTERVAL'],
  sweepTz: ['SWEEP_TIMEZONE', 'SWEEP_TIME_ZONE'],
  stuckAfterMs: ['STALE_AFTER', 'STUCK_TIMEOUT', 'STUCK_THRESHOLD'],
  webhookUrl: ['WEBHOOK_ENDPOINT', 'WEBHOOK_URI'],
  webhookSecret: ['WEBHOOK_SIGNING_SECRET', 'WEBHOOK_SIGNING_KEY'],
  logLevel: ['LOG_VERBOSITY'],
  shutdownGraceMs: ['SHUTDOWN_GRACE_PERIOD', 'SHUTDOWN_TIMEOUT'],
};

const properOf = new Map(
  Object.entries(otherNames).flatMap(([name, others]) => others.map((other) => [other, keys[name as KeyName].env])),
);

/** One problem per variable whose name looks like one of ours and would be ignored. The values are not shown. */
export function typos(env: NodeJS.ProcessEnv): Problem[] {
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!text || known.includes(variable) || isServiceLink(variable, env)) continue;
    const meant = known.find((name) => isNearMiss(variable, name)) ?? unsetProper(variable, env);
    if (meant !== undefined) {
      problems.push({ variable, value: null, reason: `unknown variable, did you mean ${meant}?` });
    }
  }
  return problems;
}

/** Kubernetes sets it for a Service of the namespace: the port of one called `opa` is no misspelling of ours. */
function isServiceLink(variable: string, env: NodeJS.ProcessEnv): boolean {
  const [, service] = /^(.+)_PORT$/.exec(variable) ?? [];
  return service !== undefined && Boolean(env[`${service}_SERVICE_HOST`]);
}

function unsetProper(variable: string, env: NodeJS.ProcessEnv): string | undefined {
  const proper = properOf.get(variable);
  return proper !== undefined && !env[proper] && !env[`${proper}_FILE`] ? proper : undefined;
}

/**
 * One mistake in the whole name, or the same number of words, each nearly right. Word by word, since a name in which a
 * whole word differs (DATABASE_SSL, APP_PORT) is another variable, however short that word is. A number at the end is
 * intended.
 */
function isNearMiss(variable: string, name: string): boolean {
  const written = variable.toUpperCase().replaceAll('-', '_');
  if (written.replace(/_?\d+$/, '') === name && written !== name) return false;
  if (mistakes(written, name) <= 1) return true;
  const [words, names] = [written.split('_'), name.split('_')];
  return words.length === names.length && words.every((word, i) => isNearWord(word, names[i]!));
}

const LONG_WORD = 6;

function isNearWord(word: string, name: string): boolean {
  return mistakes(word, name) <= (name.length >= LONG_WORD ? 2 : 1) || isAbbreviation(word, name);
}

/** LVL for LEVEL: more than half of the letters, in their order, with the first one. */
function isAbbreviation(word: string, name: string): boolean {
  if (word[0] !== name[0] || word.length * 2 <= name.length) return false;
  let at = 0;
  for (const letter of name) if (letter === word[at]) at += 1;
  return at === word.length;
}
