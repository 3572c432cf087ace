import { isIP } from 'node:net';
import { refusalOfMode, sslModes } from '../address/tls.ts';
import { mayConnect } from '../net/address-check.ts';
import { bareHostOf } from '../net/url-host.ts';
import type { Config, Database } from './config.ts';
import { ConfigError, type Problem, shown } from './config-error.ts';
import { type KeyName, keys, type Settings } from './keys.ts';
import { telemetryOf } from './telemetry.ts';
import { typos } from './typos.ts';

/**
 * Reads the environment. An empty variable counts as unset.
 * @throws ConfigError with all problems at once.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const problems: Problem[] = [];
  const read = readSettings(env, problems);
  const telemetry = Object.freeze(telemetryOf(env, problems));
  problems.push(...conflicts(env, read), ...typos(env));
  if (problems.length > 0) throw new ConfigError(problems);
  const settings = read as Settings;
  const { databaseUrl, databaseUrlFile, ...rest } = settings;
  const database = Object.freeze(databaseOf(settings));
  return Object.freeze({ database, telemetry, stuckAfterIsSet: Boolean(env[keys.stuckAfterMs.env]), ...rest });
}

/** Leaves out what has a problem: the result is complete only when there is none. */
function readSettings(env: NodeJS.ProcessEnv, problems: Problem[]): Partial<Settings> {
  const settings: Partial<Record<KeyName, unknown>> = {};
  for (const name of Object.keys(keys) as KeyName[]) {
    const key = keys[name];
    const text = env[key.env] || key.default;
    if (text === null) {
      settings[name] = null;
      continue;
    }
    const read = key.schema.safeParse(text);
    if (read.success) settings[name] = read.data;
    else problems.push({ variable: key.env, value: shown(key.env, text), reason: read.error.issues[0]!.message });
  }
  return settings as Partial<Settings>;
}

/** Problems that show only when several variables are looked at together. */
function conflicts(env: NodeJS.ProcessEnv, settings: Partial<Settings>): Problem[] {
  const { dbSchema, pgbossSchema } = settings;
  const problems: Problem[] = [];
  const { DATABASE_URL: url, DATABASE_URL_FILE: file, NODE_ENV, PGSSLMODE } = env;
  if (url && file) {
    problems.push({
      variable: 'DATABASE_URL_FILE',
      value: shown('DATABASE_URL_FILE', file),
      reason: 'DATABASE_URL is set as well; accepted: one of the two',
    });
  }
  if (!url && !file && NODE_ENV === 'production') {
    problems.push({
      variable: 'DATABASE_URL',
      value: null,
      reason: `not set, and NODE_ENV=production has no embedded database; accepted: ${keys.databaseUrl.accepted}, or DATABASE_URL_FILE`,
    });
  }
  // node-postgres reads it where the URL has no sslmode, and connects without TLS where it does not know the value.
  if (PGSSLMODE && !sslModes.includes(PGSSLMODE)) {
    problems.push({ variable: 'PGSSLMODE', value: PGSSLMODE, reason: refusalOfMode(PGSSLMODE) });
  }
  if (settings.a2aProbe && settings.a2aProbeAllow === null) {
    problems.push({
      variable: keys.a2aProbeAllow.env,
      value: null,
      reason: `not set, and A2A_PROBE=true asks no host that it does not name; accepted: ${keys.a2aProbeAllow.accepted}`,
    });
  }
  problems.push(...webhookConflicts(env, settings));
  problems.push(...ledgerConflicts(env, settings));
  // PostgreSQL folds an unquoted name to lower case, and pg-boss does not always quote.
  if (!env.DB_SCHEMAS && dbSchema && pgbossSchema && dbSchema.toLowerCase() === pgbossSchema.toLowerCase()) {
    problems.push({
      variable: 'PGBOSS_SCHEMA',
      value: pgbossSchema,
      reason: "the same as DB_SCHEMA; accepted: a schema of pg-boss's own",
    });
  }
  return problems;
}

function ledgerConflicts(env: NodeJS.ProcessEnv, { dbSchemas, pgbossSchema }: Partial<Settings>): Problem[] {
  const { DB_SCHEMA: schema, DB_SCHEMAS: schemas } = env;
  const problems: Problem[] = [];
  if (schema && schemas) {
    problems.push({
      variable: keys.dbSchemas.env,
      value: schemas,
      reason: `DB_SCHEMA is set as well (${schema}); accepted: one of the two`,
    });
  }
  const isPgBoss = (entry: string) => entry.toLowerCase() === pgbossSchema?.toLowerCase();
  if (dbSchemas?.some(isPgBoss)) {
    problems.push({
      variable: keys.pgbossSchema.env,
      value: pgbossSchema!,
      reason: "one of DB_SCHEMAS; accepted: a schema of pg-boss's own",
    });
  }
  return problems;
}

function webhookConflicts(env: NodeJS.ProcessEnv, settings: Partial<Settings>): Problem[] {
  const { WEBHOOK_SECRET: secret, WEBHOOK_SECRET_FILE: file } = env;
  const { webhookUrl, webhookAllowPrivate } = settings;
  const problems: Problem[] = [];
  if (secret && file) {
    problems.push({
      variable: keys.webhookSecretFile.env,
      value: shown(keys.webhookSecretFile.env, file),
      reason: 'WEBHOOK_SECRET is set as well; accepted: one of the two',
    });
  }
  if (!webhookUrl) return problems;
  if (!secret && !file) {
    problems.push({
      variable: keys.webhookSecret.env,
      value: null,
      reason: `not set, and WEBHOOK_URL posts nothing unsigned; accepted: ${keys.webhookSecret.accepted}, or WEBHOOK_SECRET_FILE`,
    });
  }
  const url = new URL(webhookUrl);
  const host = bareHostOf(url);
  const refusal =
    isIP(host) !== 0 && !mayConnect(host, { allowPrivate: webhookAllowPrivate ?? true })
      ? 'not an address that may be connected to'
      : url.protocol === 'http:' && webhookAllowPrivate === false
        ? 'the protocol is http'
        : null;
  if (refusal !== null) {
    problems.push({
      variable: keys.webhookUrl.env,
      value: shown(keys.webhookUrl.env, webhookUrl),
      reason: `${refusal}; accepted: a public address and https, or also a private address and http with WEBHOOK_ALLOW_PRIVATE=true`,
    });
  }
  return problems;
}

function databaseOf({ databaseUrl, databaseUrlFile, dataDir }: Settings): Database {
  if (databaseUrl !== null) return { kind: 'url', url: databaseUrl };
  if (databaseUrlFile !== null) return { kind: 'file', file: databaseUrlFile };
  return { kind: 'embedded', embeddedDir: dataDir };
}
