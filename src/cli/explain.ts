import { agentProbe } from '../compose/agent-probe.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { explainerOptions } from '../compose/explainer-options.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { visible } from '../log/visible.ts';
import { Explainer } from '../sweeper/explanation/explainer.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { explainWords, unknownWords } from './explain-words.ts';

export interface ExplainCommandOptions {
  readonly previews?: boolean;
  readonly json?: boolean;
}

/** Explains one delegation, from the database alone. Exits 1 for an id that the ledger does not hold. */
export async function explain(config: Config, delegationId: string, options: ExplainCommandOptions): Promise<ExitCode> {
  const { previews = false, json = false } = options;
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper explain'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const explainer = new Explainer(handle.db, explainerOptions(config, await agentProbe(config)));
  const explanation = await explainer.explain(delegationId, { previews });
  const unknown = explanation === null ? await explainer.unknown(delegationId, { previews }) : null;
  // The embedded database was not named by the user, so the answer names it; so does one that does not know the id.
  const database = place.embeddedUrl === null && unknown === null ? null : place.name;
  if (json) {
    const answer = {
      ...(explanation ?? { ...unknown, error: 'unknown_delegation' }),
      ...(database !== null && { database }),
    };
    await printAnswer(`${JSON.stringify(answer)}\n`);
  } else {
    const view = { terminal: process.stdout.isTTY === true };
    const words = explanation === null ? unknownWords(unknown!, view) : explainWords(explanation, view);
    await printAnswer(`${words}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`);
  }
  return explanation === null ? exitCode.no : exitCode.done;
}
