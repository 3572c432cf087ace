import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { Daemon } from '../daemon.ts';
import type { Findings } from '../figure.ts';

/** After the work of the start: its garbage is collected some ten seconds after the first sweep, for a fifth of a second of CPU. */
const SETTLE_MS = 30_000;

/**
 * What an idle daemon costs: its beats, pg-boss's supervision and its cron, a sweep per minute. A query
 * is what the daemon sends and waits for, however many statements it has; the server's log counts them.
 */
export async function daemonIdleScenario({ template, quick, server }: Bench): Promise<Findings> {
  // Whole minutes: each has one tick.
  const windowMs = quick ? 60_000 : 180_000;
  await using database = await template.copy();
  await server.command(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET log_statement = 'all'`);
  await using daemon = await Daemon.start(database.url);
  await daemon.swept;
  await sleep(SETTLE_MS);
  const before = { queries: queriesIn(await server.readLog()), cpuMs: daemon.cpuMs };
  await sleep(windowMs);
  const queries = queriesIn(await server.readLog()) - before.queries;
  const cpuMs = daemon.cpuMs - before.cpuMs;
  return {
    figures: [
      { what: 'daemon idle: resident memory', unit: 'MB', value: daemon.residentMb, limit: { atMost: 120 } },
      { what: 'daemon idle: CPU', unit: '% of a core', value: (cpuMs / windowMs) * 100, limit: { atMost: 1 } },
      { what: 'daemon idle: queries', unit: 'a second', value: queries / (windowMs / 1000), limit: { atMost: 4 } },
    ],
  };
}

function queriesIn(log: string): number {
  return log.match(/ LOG: {2}(statement|execute [^:]+): /g)?.length ?? 0;
}
