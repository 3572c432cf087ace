/** Every command that works on a ledger and ends by itself, but for `migrate down`. */
export const oneShotCommands: readonly (readonly string[])[] = [
  ['sweep'],
  ['sweep', '--dry-run', '--json'],
  ['status'],
  ['ledgers'],
  ['doctor'],
  ['hold', '--for', '1h', '--reason', 'a rollout'],
  ['release'],
  ['list'],
  ['explain', 'a'],
  ['advise'],
  ['retry', 'a'],
  ['reconcile'],
  ['prune'],
  ['webhook', 'list'],
  ['migrate', 'up'],
  ['migrate', 'status', '--json'],
];

/** What some of them need in order to begin. */
export const oneShotEnv = { RETENTION_DELEGATIONS: '30d' };
