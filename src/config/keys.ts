import type * as z from 'zod';
import { boolean } from './boolean.ts';
import { cron, timeZone } from './cron.ts';
import { databaseUrl, databaseUrlFile } from './database-url.ts';
import { duration, durationOrOff } from './duration.ts';
import { hostList, readableDirectory } from './hosts.ts';
import { ledgerNames } from './ledger-names.ts';
import { directory, host, oneOf, schemaName } from './names.ts';
import { integer, ratio } from './number.ts';
import type { Value } from './value.ts';
import { webhookSecretFile, webhookSecrets, webhookUrl } from './webhook.ts';

interface Key extends Value<unknown> {
  /** The environment variable. */
  readonly env: string;
  /** As the user would write it; null: no default. */
  readonly default: string | null;
  readonly doc: string;
}

/** Every variable that is read, under the name of its property in Config. */
export const keys = {
  databaseUrl: {
    env: 'DATABASE_URL',
    default: null,
    ...databaseUrl,
    doc: 'The database. Without it and outside production: an embedded PostgreSQL in DATA_DIR.',
  },
  databaseUrlFile: {
    env: 'DATABASE_URL_FILE',
    default: null,
    ...databaseUrlFile,
    doc: 'The same, from a file that is read again at each new connection: a mounted secret may rotate.',
  },
  dataDir: {
    env: 'DATA_DIR',
    default: '.data',
    ...directory,
    doc: 'Where the embedded PostgreSQL keeps its data; unused otherwise.',
  },
  dbSchema: { env: 'DB_SCHEMA', default: 'public', ...schemaName(63), doc: "Schema of the ledger's tables." },
  dbSchemas: {
    env: 'DB_SCHEMAS',
    default: null,
    ...ledgerNames,
    doc: 'Instead of DB_SCHEMA: the schemas of many ledgers, which one daemon serves: see [ledgers.md](ledgers.md).',
  },
  pgbossSchema: {
    env: 'PGBOSS_SCHEMA',
    default: 'pgboss',
    // 50: pg-boss derives longer names from it.
    ...schemaName(50),
    doc: "Schema of pg-boss's tables; not the ledger's.",
  },
  dbPoolMax: { env: 'DB_POOL_MAX', default: '4', ...integer(1, 100), doc: "Connections of the ledger's pool." },
  sweepCron: { env: 'SWEEP_CRON', default: '* * * * *', ...cron, doc: 'When to sweep, to the minute.' },
  sweepTz: { env: 'SWEEP_TZ', default: 'UTC', ...timeZone, doc: 'The zone in which SWEEP_CRON is read.' },
  sweepOnTime: {
    env: 'SWEEP_ON_TIME',
    default: 'true',
    ...boolean,
    doc: 'Sweep also when a delegation comes due, and not at the ticks of SWEEP_CRON alone.',
  },
  stuckAfterMs: {
    env: 'STUCK_AFTER',
    default: '10m',
    ...duration('1s', '30d'),
    doc: 'Observed silence after which a delegation in progress is stuck; silence of exactly this length is not yet.',
  },
  sweepBatchSize: {
    env: 'SWEEP_BATCH_SIZE',
    default: '1000',
    ...integer(1, 10_000),
    doc: 'Rows in one transaction, at most.',
  },
  sweepMaxRows: {
    env: 'SWEEP_MAX_ROWS',
    default: '100000',
    ...integer(1, 10_000_000),
    doc: 'Rows that each rule changes in one sweep, at most; the next sweep takes the rest ("truncated").',
  },
  stormMinStale: {
    env: 'STORM_MIN_STALE',
    default: '20',
    ...integer(1, 1_000_000),
    doc: 'With fewer delegations that fell silent together the storm guard never holds.',
  },
  stormRatio: {
    env: 'STORM_RATIO',
    default: '0.5',
    ...ratio,
    doc: 'Share of the delegations in progress that fell silent together, from which the storm guard holds; 0 turns it off.',
  },
  stormMinCallees: {
    env: 'STORM_MIN_CALLEES',
    default: '2',
    ...integer(1, 1_000_000),
    doc: 'Fewer silent callees are no storm; 1 where a callee id is a role that many processes share.',
  },
  stormMaxHoldMs: {
    env: 'STORM_MAX_HOLD',
    default: '30m',
    ...duration('0s', '30d'),
    doc: 'How long the storm guard holds, at most; afterwards each sweep marks a twentieth of the silent delegations.',
  },
  retryMaxAttempts: {
    env: 'RETRY_MAX_ATTEMPTS',
    default: '0',
    ...integer(0, 20),
    doc: 'How often the same work is tried again, after the first attempt: a delegation that a sweep marks stuck is followed by a new one until there were so many. 0: never.',
  },
  webhookUrl: {
    env: 'WEBHOOK_URL',
    default: null,
    ...webhookUrl,
    doc: 'Where events are posted to, signed: see [webhooks](webhooks.md). Unset: nowhere.',
  },
  webhookSecret: {
    env: 'WEBHOOK_SECRET',
    default: null,
    ...webhookSecrets,
    doc: 'What posts are signed with; required with WEBHOOK_URL, here or in a file.',
  },
  webhookSecretFile: {
    env: 'WEBHOOK_SECRET_FILE',
    default: null,
    ...webhookSecretFile,
    doc: 'The same, from a file that is read again for each post: a mounted secret may rotate.',
  },
  webhookGroupBy: {
    env: 'WEBHOOK_GROUP_BY',
    default: null,
    ...oneOf(['callee']),
    doc: '`callee`: one post for what a sweep marked of one callee. Unset: each event is a post of its own.',
  },
  webhookAllowPrivate: {
    env: 'WEBHOOK_ALLOW_PRIVATE',
    default: 'false',
    ...boolean,
    doc: 'WEBHOOK_URL may lead to a private, loopback or link-local address, as in a cluster, and may be of http; otherwise such an address is refused, also behind a name.',
  },
  retentionDelegationsMs: {
    env: 'RETENTION_DELEGATIONS',
    default: 'off',
    // An hour at least: `6m` is six minutes, and what was removed does not come back.
    ...durationOrOff('1h', '3650d'),
    doc: 'Delegations that ended longer ago than this are removed, with their activity: see [retention.md](retention.md).',
  },
  retentionActivityMs: {
    env: 'RETENTION_ACTIVITY',
    default: 'off',
    ...durationOrOff('1h', '3650d'),
    doc: 'The activity of delegations that ended longer ago than this is removed, also where the delegations stay.',
  },
  a2aProbe: {
    env: 'A2A_PROBE',
    default: 'false',
    ...boolean,
    doc: 'Ask the agent of a silent or stalled A2A task for it (GetTask) before the delegation is marked.',
  },
  a2aProbeAllow: {
    env: 'A2A_PROBE_ALLOW',
    default: null,
    ...hostList,
    doc: 'The hosts that may be asked; required with A2A_PROBE. `*.suffix` is any name below the suffix, and not the suffix itself.',
  },
  a2aProbeAllowPrivate: {
    env: 'A2A_PROBE_ALLOW_PRIVATE',
    default: 'false',
    ...boolean,
    doc: 'Agents at private, loopback and link-local addresses may be asked too, as in a cluster; otherwise such an address is refused, also behind a name.',
  },
  a2aProbeTimeoutMs: {
    env: 'A2A_PROBE_TIMEOUT',
    default: '5s',
    ...duration('100ms', '30s'),
    doc: 'How long the agents of one sweep have to answer, all at once.',
  },
  a2aProbeMax: {
    env: 'A2A_PROBE_MAX',
    default: '100',
    ...integer(1, 1000),
    doc: 'Agents that one sweep asks, at most; the other suspects wait, unmarked, for the next sweep.',
  },
  a2aProbeCredentialsDir: {
    env: 'A2A_PROBE_CREDENTIALS_DIR',
    default: null,
    ...readableDirectory,
    doc: 'A folder with one file per host, read again for each question: see [the credentials of the probe](#credentials-of-the-probe).',
  },
  opsHost: { env: 'OPS_HOST', default: '127.0.0.1', ...host, doc: 'Address of the ops server.' },
  opsPort: {
    env: 'OPS_PORT',
    default: '9464',
    ...integer(0, 65_535),
    doc: 'Port of the ops server; 0 takes any free one, and the event `ops.listening` names it.',
  },
  opsShowPreviews: {
    env: 'OPS_SHOW_PREVIEWS',
    default: 'false',
    ...boolean,
    doc: 'Show previews (task, result and error text of agents) on the page of a delegation, to everyone who reaches OPS_PORT.',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    default: 'info',
    ...oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    doc: 'The lowest level that is logged.',
  },
  shutdownGraceMs: {
    env: 'SHUTDOWN_GRACE',
    default: '25s',
    ...duration('1s', '10m'),
    doc: "From SIGTERM to the exit, at most; keep it below Kubernetes' terminationGracePeriodSeconds.",
  },
} as const satisfies Record<string, Key>;

export type KeyName = keyof typeof keys;

type ValueOf<K extends KeyName> = z.output<(typeof keys)[K]['schema']>;

/** One value per key; null where it is unset and has no default. */
export type Settings = {
  readonly [K in KeyName]: (typeof keys)[K]['default'] extends null ? ValueOf<K> | null : ValueOf<K>;
};
