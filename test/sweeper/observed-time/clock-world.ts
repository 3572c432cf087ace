import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import { startDebianServer } from '../../conformance/debian-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { FakeTime } from '../../support/fake-time.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../../support/fixtures.ts';
import { clockEnvironment, writeClock } from '../../support/settable-clock.ts';

export const STUCK_AFTER_MS = 60_000;
/** A daemon leaves a beat so often. */
export const BEAT_MS = STUCK_AFTER_MS / 10;
const HOUR_MS = 3_600_000;

/**
 * A server whose clock can be set, and daemons whose own clocks nobody sets. What passes passes for both; what is set is set
 * for the server alone.
 */
export class ClockWorld {
  readonly database: TestDatabase;
  readonly #clockFile: string;
  /** A clock that nobody sets: true time. */
  readonly #true = new FakeTime();
  #passedMs = 0;
  #aheadMs = 0;
  daemons: ClockDaemon[] = [];

  private constructor(database: TestDatabase, clockFile: string) {
    this.database = database;
    this.#clockFile = clockFile;
  }

  static async start(undo: AsyncDisposableStack): Promise<ClockWorld> {
    const dir = await mkdtemp(path.join(tmpdir(), 'delegation-sweeper-clock-'));
    undo.defer(() => rm(dir, { recursive: true, force: true }));
    // The server's user reads it.
    await chmod(dir, 0o755);
    const clockFile = path.join(dir, 'clock');
    const env = clockEnvironment(clockFile);
    if (env === undefined) throw new Error('there is no libfaketime here: install faketime (Debian: apt-get install)');
    await writeClock(clockFile, 0);
    const server = await startDebianServer(undo, { env });
    return new ClockWorld(undo.use(await createTestDatabase(server)), clockFile);
  }

  /** As new, with so many daemons that have left a beat. */
  async begin(daemons: number): Promise<void> {
    // Later than whatever was before, since nothing of it may lie ahead.
    this.#passedMs += 100 * HOUR_MS;
    await this.set(0);
    const tables = ['delegations', 'activity_logs', 'sweeper_gaps', 'sweeper_daemons', 'sweeper_lowerings'];
    await this.database.query(`TRUNCATE ${tables.join(', ')}, sweeper_sweeps CASCADE`);
    // Nor is the threshold lowered by the first daemon, from that of ten minutes which a ledger without daemons has.
    await this.database.query(`UPDATE sweeper_threshold SET stuck_after_ms = ${STUCK_AFTER_MS}`);
    await this.database.query(
      `UPDATE sweeper_state SET stuck_after_ms = ${STUCK_AFTER_MS}, beat_at = NULL, swept_at = NULL, sweep_id = NULL,
         tick_sweep_id = NULL`,
    );
    this.daemons = [];
    for (let count = 0; count < daemons; count += 1) this.daemons.push(await this.daemon());
  }

  /** True time, in milliseconds. */
  now(): number {
    return this.#true.now();
  }

  async pass(ms: number): Promise<void> {
    this.#passedMs += ms;
    for (const time of [this.#true, ...this.daemons.map((daemon) => daemon.time)]) time.shift(ms);
    await this.#write();
  }

  /** The server's clock is ahead of true time by this from now on. */
  async set(aheadMs: number): Promise<void> {
    this.#aheadMs = aheadMs;
    await this.#write();
  }

  /** A daemon that starts: its first beat comes before anything else. */
  async daemon(): Promise<ClockDaemon> {
    const capture = capturedLog();
    const time = new FakeTime();
    const beat = new Beat(this.database.db, capture.log, STUCK_AFTER_MS, time);
    const options = { ...sweeperDefaults, stuckAfterMs: STUCK_AFTER_MS };
    const sweeper = new Sweeper(this.database.db, capture.log, options, undefined, beat);
    await beat.leave();
    return { ...capture, time, beat, sweep: () => sweeper.sweep({ trigger: 'manual' }) };
  }

  async restart(index: number): Promise<void> {
    this.daemons[index] = await this.daemon();
  }

  begun(): Promise<string> {
    return seedDelegation(this.database, { deadlineSeconds: 1e7 });
  }

  async heartbeat(delegationId: string): Promise<void> {
    const { ledger } = testLedger(this.database.db, { heartbeatMinIntervalMs: 1 });
    await ledger.heartbeat(delegationId);
  }

  /** A sweep of a command, which knows no beat of its own. */
  async command(): Promise<void> {
    const { sweeper } = testSweeper(this.database.db, { stuckAfterMs: STUCK_AFTER_MS });
    await sweeper.sweep({ trigger: 'manual' });
  }

  /** The ids of what is stuck. */
  async stuck(): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT delegation_id AS id FROM delegations WHERE status = 'stuck' ORDER BY created_at`,
    );
    return rows.map(({ id }) => id);
  }

  /** So much time passes, while the daemons leave their beats. */
  async live(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += BEAT_MS) {
      await this.pass(BEAT_MS);
      for (const { beat } of this.daemons) await beat.leave();
    }
  }

  async #write(): Promise<void> {
    await writeClock(this.#clockFile, this.#passedMs + this.#aheadMs);
  }
}

export interface ClockDaemon extends ReturnType<typeof capturedLog> {
  readonly time: FakeTime;
  readonly beat: Beat;
  sweep(): ReturnType<Sweeper['sweep']>;
}
