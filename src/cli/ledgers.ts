import { ledgersAt } from '../compose/chosen-ledger.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type LedgerOverview, ledgerOverviews } from '../compose/ledger-overview.ts';
import { openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { visible } from '../log/visible.ts';
import { count } from '../ops/page/format.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { table } from './table.ts';

/** Lists the ledgers that DB_SCHEMAS names, or that of DB_SCHEMA. Exits 1 when one is not ready, or there is none. */
export async function ledgers(config: Config, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  const overviews = await ledgerOverviews(config, place, await ledgersAt(config, place));
  // The embedded database was not named by the user, so the answer names it.
  const database = place.embeddedUrl === null ? null : place.server;
  await printAnswer(
    json
      ? `${JSON.stringify({ ledgers: overviews, ...(database !== null && { database }) })}\n`
      : `${words(overviews)}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`,
  );
  return overviews.length > 0 && overviews.every(({ ready }) => ready) ? exitCode.done : exitCode.no;
}

function words(overviews: readonly LedgerOverview[]): string {
  if (overviews.length === 0) return 'There is no schema that DB_SCHEMAS names.';
  const terminal = process.stdout.isTTY === true;
  return table(
    overviews,
    [
      { head: 'LEDGER', text: ({ ledger }) => ledger, whole: true },
      { head: 'VERSION', text: ({ version }) => version ?? 'none' },
      { head: 'IN PROGRESS', text: ({ inProgress }) => (inProgress === null ? '?' : count(inProgress)) },
      { head: 'LAST SWEEP', text: ({ sweptAt }) => sweptAt?.toISOString() ?? 'never' },
      {
        head: 'READY',
        text: ({ ready, reasons }) => (ready ? 'yes' : `no: ${reasons.map(({ detail }) => detail).join('; ')}`),
        style: ({ ready }) => (ready ? 'green' : 'red'),
      },
    ],
    { terminal },
  );
}
