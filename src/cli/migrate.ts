import { chosenLedger, ledgersOf } from '../compose/chosen-ledger.ts';
import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type InstallOptions, installSchemas, installStatus, removeLedger } from '../compose/install.ts';
import { type LedgerContents, ledgerContents } from '../compose/ledger-contents.ts';
import { type Location, openLocation } from '../compose/location.ts';
import { COUNT_MAX } from '../compose/statements/row-count.ts';
import type { Config } from '../config/config.ts';
import type { EventLog } from '../log/event-log.ts';
import { visible } from '../log/visible.ts';
import { count, duration } from '../ops/page/format.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { failureOf } from './failure.ts';
import type { MigrateAction } from './migrate-actions.ts';

export interface MigrateCommandOptions {
  readonly json?: boolean;
  /** For `down`: the ledger's rows may be deleted. */
  readonly deleteAllData?: boolean;
  /** For `down`: also while a daemon runs. */
  readonly evenIfRunning?: boolean;
  /** The ledger's schema, of those that DB_SCHEMAS names. */
  readonly ledger?: string;
}

/** Exits 1 for `status` while something is pending, and for `down` while it would delete rows or a daemon runs. */
export async function migrate(
  config: Config,
  action: MigrateAction,
  options: MigrateCommandOptions,
): Promise<ExitCode> {
  if (action !== 'down' && (options.deleteAllData || options.evenIfRunning)) {
    throw new CommandError(
      exitCode.usage,
      `--delete-all-data and --even-if-running belong to down only, not to ${action}.\nWhat to do: leave them out, or see \`delegation-sweeper migrate --help\`.`,
    );
  }
  const log = commandLog(config);
  const ledgers =
    action === 'down'
      ? [await chosenLedger(config, options.ledger, log)]
      : await ledgersOf(config, options.ledger, log);
  if (ledgers.length === 0) {
    throw new CommandError(
      exitCode.configuration,
      `There is no schema that DB_SCHEMAS, which is ${config.dbSchemas!.join(',')}, names.\nWhat to do: name a new one with --ledger NAME, which creates it.`,
    );
  }
  const isOne = ledgers.length === 1 && (config.dbSchemas === null || options.ledger !== undefined);
  if (!isOne) return migrateMany(ledgers, action, options, log);
  await using place = await openLocation(ledgers[0]!, log);
  const { text, result, code } = await actions[action](schemasOf(ledgers[0]!, place), place, options);
  const isEmbedded = place.embeddedUrl !== null;
  await printAnswer(
    options.json
      ? `${JSON.stringify(isEmbedded ? { ...result, database: place.name } : result)}\n`
      : `${text}\n${isEmbedded ? `Database: ${visible(place.name)}.\n` : ''}`,
  );
  return code;
}

function schemasOf({ dbSchema, pgbossSchema }: Config, { location }: Location): InstallOptions {
  return { location, dbSchema, pgbossSchema };
}

/** Several ledgers, one after the other. One that fails does not keep the others from being done. @throws the first failure. */
async function migrateMany(
  ledgers: readonly Config[],
  action: MigrateAction,
  options: MigrateCommandOptions,
  log: EventLog,
): Promise<ExitCode> {
  const results: object[] = [];
  const texts: string[] = [];
  const codes: ExitCode[] = [];
  const failures: CommandError[] = [];
  for (const config of ledgers) {
    const ledger = config.dbSchema;
    await using place = await openLocation(config, log);
    try {
      const { text, result, code } = await actions[action](schemasOf(config, place), place, options);
      results.push({ name: ledger, ...result });
      texts.push(`${ledger}: ${text.replaceAll('\n', `\n${' '.repeat(ledger.length + 2)}`)}`);
      codes.push(code);
    } catch (err) {
      const failure = failureOf(err);
      failures.push(new CommandError(failure.exitCode, `${ledger}: ${failure.message}`, { cause: err }));
    }
  }
  if (results.length > 0) {
    await printAnswer(options.json ? `${JSON.stringify({ ledgers: results })}\n` : `${texts.join('\n')}\n`);
  }
  if (failures.length > 0) {
    throw new CommandError(failures[0]!.exitCode, failures.map(({ message }) => message).join('\n'));
  }
  return codes.find((code) => code !== exitCode.done) ?? exitCode.done;
}

interface Answer {
  readonly text: string;
  readonly result: object;
  readonly code: ExitCode;
}

type Action = (schemas: InstallOptions, place: Location, options: MigrateCommandOptions) => Promise<Answer>;

const actions: Readonly<Record<MigrateAction, Action>> = {
  async up(schemas) {
    const applied = await installSchemas(schemas);
    const text =
      applied.length === 0 ? 'Nothing to apply: the schemas are up to date.' : `Applied ${applied.join(', ')}.`;
    return { text, result: { applied }, code: exitCode.done };
  },
  async down(schemas, place, options) {
    const refusal = refusalOf(await ledgerContents(schemas), place.name, options);
    if (refusal !== null) throw new CommandError(exitCode.no, refusal);
    const reverted = await removeLedger(schemas);
    const text = reverted.length === 0 ? 'Nothing to remove.' : `Removed ${reverted.join(', ')}.`;
    return { text, result: { reverted }, code: exitCode.done };
  },
  async status(schemas) {
    const { ledger, pgboss } = await installStatus(schemas);
    const behind = ledger.pending.length > 0 || (pgboss.installed ?? 0) < pgboss.required;
    const text = [
      `ledger:  ${ledger.current ?? 'not installed'}${ledger.pending.length > 0 ? `; pending ${ledger.pending.join(', ')}` : ''}`,
      `pg-boss: ${pgboss.installed ?? 'not installed'}; needed ${pgboss.required}`,
      ...(behind ? ['Run `delegation-sweeper migrate up`.'] : []),
    ].join('\n');
    return { text, result: { ledger, pgboss }, code: behind ? exitCode.no : exitCode.done };
  },
};

/** Why the ledger is not removed, and which options remove it anyway; null when there is no objection. */
export function refusalOf(
  { delegations, activities, beatAgeMs, aliveWithinMs }: LedgerContents,
  database: string,
  { deleteAllData = false, evenIfRunning = false }: MigrateCommandOptions,
): string | null {
  const hasRows = delegations + activities > 0;
  const isRunning = beatAgeMs !== null && beatAgeMs < aliveWithinMs;
  const rows = `This deletes ${counted(delegations)} delegations and ${counted(activities)} activities: add --delete-all-data to delete them.`;
  const daemon = `A daemon recorded its beat ${duration(beatAgeMs ?? 0)} ago: stop all daemons and wait until the last beat is ${duration(aliveWithinMs)} old, or add --even-if-running.`;
  const reasons = [...(hasRows && !deleteAllData ? [rows] : []), ...(isRunning && !evenIfRunning ? [daemon] : [])];
  if (reasons.length === 0) return null;
  return ['Nothing was changed.', ...reasons, `Database: ${visible(database)}.`].join('\n');
}

function counted(rows: number): string {
  return rows < COUNT_MAX ? count(rows) : `${count(COUNT_MAX)} or more`;
}
