import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type InstallOptions, installSchemas, installStatus, removeLedger } from '../compose/install.ts';
import { openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { createEventLog } from '../log/event-log.ts';
import { commandLogger } from './command-logger.ts';

export const migrateActions = ['up', 'down', 'status'] as const;
export type MigrateAction = (typeof migrateActions)[number];

/** `status` answers no (1) while something is pending. */
export async function migrate(
  config: Config,
  action: MigrateAction,
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  await using place = await openLocation(config, createEventLog(commandLogger(config)));
  const options = { location: place.location, dbSchema: config.dbSchema, pgbossSchema: config.pgbossSchema };
  const { text, result, code } = await actions[action](options);
  process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  return code;
}

interface Answer {
  readonly text: string;
  readonly result: object;
  readonly code: ExitCode;
}

const actions: Readonly<Record<MigrateAction, (options: InstallOptions) => Promise<Answer>>> = {
  async up(options) {
    const applied = await installSchemas(options);
    const text =
      applied.length === 0 ? 'Nothing to apply: the schemas are up to date.' : `Applied ${applied.join(', ')}.`;
    return { text, result: { applied }, code: exitCode.done };
  },
  async down(options) {
    const reverted = await removeLedger(options);
    const text = reverted.length === 0 ? 'Nothing to take back.' : `Took back ${reverted.join(', ')}.`;
    return { text, result: { reverted }, code: exitCode.done };
  },
  async status(options) {
    const { ledger, pgboss } = await installStatus(options);
    const behind = ledger.pending.length > 0 || (pgboss.installed ?? 0) < pgboss.required;
    const text = [
      `ledger:  ${ledger.current ?? 'not installed'}${ledger.pending.length > 0 ? `; pending ${ledger.pending.join(', ')}` : ''}`,
      `pg-boss: ${pgboss.installed ?? 'not installed'}; needed ${pgboss.required}`,
      ...(behind ? ['Run `delegation-sweeper migrate up`.'] : []),
    ].join('\n');
    return { text, result: { ledger, pgboss }, code: behind ? exitCode.no : exitCode.done };
  },
};
