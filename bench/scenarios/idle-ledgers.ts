import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { Daemon } from '../daemon.ts';
import type { Figure, Findings } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { BackendCpu } from '../ledgers/backend-cpu.ts';
import { installLedgers } from '../ledgers/install-ledgers.ts';

const LEDGERS = 100;
/**
 * After the sweeps of the start: until no ledger is looked at by itself, each session of the server has its plans, and pg-boss has looked through
 * each new queue once, which it does within a minute and then daily.
 */
const SETTLE_MS = 75_000;
/** Each minute has one tick. */
const WINDOW_MS = 60_000;
const RATIO_MAX = 3;

interface Idle {
  readonly queries: number;
  readonly serverCpuMs: number;
  readonly daemonCpuMs: number;
  readonly residentMb: number;
}

/**
 * What a hundred ledgers cost in which nothing is open, beside one, at the same time and on the same server: two daemons, each with DB_SCHEMAS.
 * A query is what the daemon sends and waits for.
 */
export async function idleLedgersScenario({ template, server, say }: Bench): Promise<Findings> {
  await using one = await template.copy();
  await using many = await template.copy();
  say(`idle-ledgers: ${LEDGERS} ledgers`);
  await installLedgers(one, 1);
  await installLedgers(many, LEDGERS);
  const nameOf = (database: LedgerDatabase) => new URL(database.url).pathname.slice(1);
  await server.command(`ALTER SYSTEM SET log_line_prefix = '%m [%p] %d '`, 'SELECT pg_reload_conf()');
  try {
    for (const database of [one, many]) {
      await server.command(`ALTER DATABASE ${nameOf(database)} SET log_statement = 'all'`);
    }
    const env = { DB_SCHEMAS: 'ledger_*' };
    await using oneDaemon = await Daemon.start(one.url, env);
    await using manyDaemon = await Daemon.start(many.url, env);
    await Promise.all([oneDaemon.sweptLedgers(1), manyDaemon.sweptLedgers(LEDGERS)]);
    say('idle-ledgers: settling');
    await sleep(SETTLE_MS);
    say('idle-ledgers: measuring');
    const cases = [
      { name: nameOf(one), daemon: oneDaemon },
      { name: nameOf(many), daemon: manyDaemon },
    ];
    const logBefore = await server.readLog();
    const cpuBefore = cases.map(({ daemon }) => daemon.cpuMs);
    await using backends = await BackendCpu.start(server.url);
    await sleep(WINDOW_MS);
    const log = (await server.readLog()).slice(logBefore.length);
    const idle = await Promise.all(
      cases.map(
        async ({ name, daemon }, nth): Promise<Idle> => ({
          queries: queriesIn(log, name),
          serverCpuMs: await backends.of(name),
          daemonCpuMs: daemon.cpuMs - cpuBefore[nth]!,
          residentMb: daemon.residentMb,
        }),
      ),
    );
    return { figures: figuresOf(idle[0]!, idle[1]!) };
  } finally {
    await server.command('ALTER SYSTEM RESET log_line_prefix', 'SELECT pg_reload_conf()');
  }
}

function figuresOf(one: Idle, many: Idle): Figure[] {
  const kinds: readonly { what: string; unit: string; value: (idle: Idle) => number }[] = [
    { what: 'queries', unit: 'a second', value: ({ queries }) => queries / (WINDOW_MS / 1000) },
    { what: 'server CPU', unit: '% of a core', value: ({ serverCpuMs }) => (serverCpuMs / WINDOW_MS) * 100 },
    { what: 'daemon CPU', unit: '% of a core', value: ({ daemonCpuMs }) => (daemonCpuMs / WINDOW_MS) * 100 },
    { what: 'resident memory of the daemon', unit: 'MB', value: ({ residentMb }) => residentMb },
  ];
  return kinds.flatMap(({ what, unit, value }) => [
    { what: `1 idle ledger: ${what}`, unit, value: value(one) },
    { what: `${LEDGERS} idle ledgers: ${what}`, unit, value: value(many) },
    {
      what: `${LEDGERS} idle ledgers beside one: ${what}`,
      unit: 'x',
      value: value(many) / value(one),
      limit: { atMost: RATIO_MAX },
    },
  ]);
}

function queriesIn(log: string, database: string): number {
  return log.match(new RegExp(` ${database} LOG: {2}(statement|execute [^:]+): `, 'g'))?.length ?? 0;
}
