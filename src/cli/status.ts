import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import { statusOptions } from '../compose/sweeper-options.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { createEventLog } from '../log/event-log.ts';
import type { Census } from '../sweeper/status/census.ts';
import { type Status, StatusReader } from '../sweeper/status/status-reader.ts';
import { commandLogger } from './command-logger.ts';

/** How it goes, from the database alone: no daemon is asked. */
export async function status(config: Config, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  const log = createEventLog(commandLogger(config));
  await using place = await openLocation(config, log);
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper status'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const reader = new StatusReader(handle.db, statusOptions(config));
  const read = await reader.status();
  const census = await reader.census();
  const sweeping = read.sweptAt !== null && read.sweptAt >= read.dueSince;
  const text = json ? JSON.stringify({ sweeping, ...read, open: census }) : describe(read, census, sweeping);
  process.stdout.write(`${text}\n`);
  return exitCode.done;
}

function describe(read: Status, census: Census, sweeping: boolean): string {
  const { now, sweptAt, nextAt, lastSweep, day, oldest, stuckAfterMs } = read;
  const ago = (at: Date) => `${seconds(now.getTime() - at.getTime())} ago`;
  const counted = Object.entries(census.byStatus).map(([name, count]) => `${count} ${name}`);
  const lines = {
    sweeping: sweeping ? 'yes' : 'no: three ticks have passed without a successful sweep',
    'last sweep': sweptAt === null ? 'never' : ago(sweptAt) + (lastSweep ? `, in ${lastSweep.durationMs} ms` : ''),
    'next sweep': `${nextAt.toISOString()}, in ${seconds(nextAt.getTime() - now.getTime())}`,
    storm: stormWords(read),
    unobserved: `${seconds(day.unobservedMs)} in the last day`,
    open: `${counted.join(', ')}${census.capped ? ', of the first million by deadline' : ''}`,
    'longest silence':
      oldest.silenceMs === null ? 'none' : `${seconds(oldest.silenceMs)}, ${seconds(stuckAfterMs)} allowed`,
    'most overdue': oldest.overdueMs === 0 ? 'none' : seconds(oldest.overdueMs),
    'last day': `${day.sweeps} sweeps, ${day.stuck} marked stuck, ${day.failed} failed`,
    'false positives': falsePositives(read),
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name.padEnd(16)} ${value}`)
    .join('\n');
}

function stormWords({ storm: { state, until } }: Status): string {
  if (state === 'held') return `held until ${until?.toISOString()}: nothing is marked stuck`;
  return state === 'released' ? 'released: a twentieth of the silent is marked stuck each sweep' : 'none';
}

function falsePositives({ day: { lateResults, falsePositiveRatio } }: Status): string {
  if (falsePositiveRatio === null) return 'none was marked stuck';
  return `${lateResults} delivered a result all the same: ${(falsePositiveRatio * 100).toFixed(1)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
