import type { Socket } from 'node:net';
import pg from 'pg';
import { withClient } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Node } from './citus-ledger.ts';

/** A worker is left down no longer than this, whatever becomes of the test. */
const DOWN_MAX_SECONDS = 120;
const LEAVES_OR_COMES_WITHIN_MS = 60_000;

/** A worker that is down, or that runs with another clock; disposing it starts it as it was. */
export interface ChangedWorker extends AsyncDisposable {
  /** It comes back as it was. */
  back(): Promise<void>;
}

/** A table on the coordinator that a worker waits on; no ledger knows it. */
const SIGNAL = 'public.citus_test_worker';

/** Stops a worker, which stays down until `back`. The worker does that itself, wherever it is: the test needs a superuser only. */
export async function stopWorker(coordinator: string, worker: Node): Promise<ChangedWorker> {
  await withClient(coordinator, (client) =>
    client.query(`CREATE TABLE IF NOT EXISTS ${SIGNAL} (); TRUNCATE ${SIGNAL}`),
  );
  await onWorker(
    coordinator,
    worker,
    ({ control }) => `${control} -m fast -w stop
      for i in $(seq ${DOWN_MAX_SECONDS}); do
        [ "$(psql '${coordinator}' -XAtc 'SELECT count(*) FROM ${SIGNAL}')" = 0 ] || break; sleep 1
      done
      ${control} -w start`,
  );
  await waitFor('the worker to be down', async () => !(await isUp(coordinator, worker)), {
    timeoutMs: LEAVES_OR_COMES_WITHIN_MS,
  });
  let isDown = true;
  const back = async () => {
    if (!isDown) return;
    isDown = false;
    await withClient(coordinator, (client) => client.query(`INSERT INTO ${SIGNAL} DEFAULT VALUES`));
    await comesBack(coordinator, worker);
    await withClient(coordinator, (client) => client.query(`DROP TABLE ${SIGNAL}`));
  };
  return { back, [Symbol.asyncDispose]: back };
}

/** Starts a worker again, with a clock that is this far from the real one. It needs `faketime` there. */
export async function shiftClock(coordinator: string, worker: Node, seconds: number): Promise<ChangedWorker> {
  const restart = async (start: string) => {
    const before = await startedAt(coordinator, worker);
    await onWorker(coordinator, worker, ({ control }) => `${control} -m fast -w stop; ${start} ${control} -w start`);
    await comesBack(coordinator, worker, before);
  };
  // As in test/support/settable-clock.ts, with the library that is there.
  const clockFile = `/tmp/citus-test-clock.${worker.port}`;
  await restart(`echo '${seconds >= 0 ? '+' : ''}${seconds}' > ${clockFile}
    env LD_PRELOAD="$(faketime -f +0s printenv LD_PRELOAD)" FAKETIME_TIMESTAMP_FILE=${clockFile} \
    FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1`);
  let isShifted = true;
  const back = async () => {
    if (isShifted) await restart(`rm -f ${clockFile}; env -u LD_PRELOAD`);
    isShifted = false;
  };
  return { back, [Symbol.asyncDispose]: back };
}

function urlOf(coordinator: string, { host, port }: Node): string {
  const url = new URL(coordinator);
  url.hostname = host;
  url.port = String(port);
  return url.href;
}

/** Runs a shell script on the worker's machine as its server's user, beside the server. */
async function onWorker(
  coordinator: string,
  worker: Node,
  script: (server: { control: string }) => string,
): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(coordinator, worker) });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ bin: string; data: string }>(
      `SELECT (SELECT setting FROM pg_config WHERE name = 'BINDIR') AS bin, current_setting('data_directory') AS data`,
    );
    const [{ bin, data }] = rows as [{ bin: string; data: string }];
    const text = script({ control: `${bin}/pg_ctl -D ${data} -l ${data}/test.log` }).replaceAll("'", `'\\''`);
    const command = `setsid sh -c '${text}' > /dev/null 2>&1 < /dev/null &`;
    await client.query(`COPY (SELECT) TO PROGRAM ${client.escapeLiteral(command)}`);
  } finally {
    // What was started there has the server's side of the connection, too, so that the server's end is not its end.
    (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  }
}

async function startedAt(coordinator: string, worker: Node): Promise<string> {
  const client = new pg.Client({ connectionString: urlOf(coordinator, worker) });
  // The server may end it at any moment.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: string }>(
      `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`,
    );
    return rows[0]!.pid;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function isUp(coordinator: string, worker: Node): Promise<boolean> {
  return startedAt(coordinator, worker).then(
    () => true,
    () => false,
  );
}

/** `before`: of the server that has to be another one by then. */
const comesBack = (coordinator: string, worker: Node, before?: string) =>
  waitFor(
    'the worker to be back',
    async () => {
      const pid = await startedAt(coordinator, worker).catch(() => before);
      return pid !== undefined && pid !== before;
    },
    { timeoutMs: LEAVES_OR_COMES_WITHIN_MS },
  );
