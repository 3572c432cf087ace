import { openLedger } from '../../src/index.ts';
import type { KeepAlive } from '../../src/ledger/keep-alive.ts';
import type { OwnedLedger } from '../../src/ledger/open-ledger.ts';
import { withClient } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';

/** Where a ledger is. */
export interface Place {
  readonly url: string;
  readonly schema: string;
}

const silent = { info() {}, warn() {}, error() {} };
const EVERY_MS = 200;
/** Longer than ten minutes, and than all the time that does not count. */
const SILENT_SINCE = `interval '2 hours'`;

/** Agents that send heartbeats all the time, while their ledger moves, and some that died. */
export class MovingFleet {
  readonly #alive: string[] = ['agent-1', 'agent-2', 'agent-3', 'agent-4', 'agent-5'];
  /** In the order of their deaths. */
  readonly dead: string[] = [];
  #place: Place | undefined;
  #ledger: OwnedLedger | undefined;
  #beats: KeepAlive[] = [];

  async begin(place: Place): Promise<void> {
    await this.goTo(place);
    for (const delegationId of this.#alive) await this.#start(delegationId);
    await this.heard();
  }

  /** As agents do that are restarted with another address. */
  async goTo(place: Place): Promise<void> {
    await this.stop();
    this.#place = place;
    this.#ledger = await openLedger(place.url, { schema: place.schema, logger: silent, heartbeatMinIntervalMs: 1 });
    this.#beats = this.#alive.map((delegationId) => this.#ledger!.keepAlive(delegationId, { everyMs: EVERY_MS }));
  }

  async #start(delegationId: string): Promise<void> {
    const delegation = { delegationId, callerId: 'planner', calleeId: 'coder', taskPreview: 'task' };
    const { outcome } = await this.#ledger!.insert(delegation);
    const { to } = await this.#ledger!.setStatus(delegationId, 'in_progress');
    if (outcome !== 'inserted' || to !== 'in_progress') throw new Error(`${delegationId} was ${outcome}, then ${to}`);
  }

  /** Resolves when each living agent has been heard where the fleet is now, after this call. */
  async heard(): Promise<void> {
    const { url, schema } = this.#place!;
    await withClient(url, async (client) => {
      const [{ now }] = (await client.query<{ now: Date }>('SELECT clock_timestamp() AS now')).rows as [{ now: Date }];
      const unheard = `SELECT FROM unnest($1::text[]) id WHERE NOT EXISTS (
        SELECT FROM "${schema}".delegations d WHERE d.delegation_id = id AND d.status = 'in_progress' AND d.last_heartbeat > $2)`;
      await waitFor(
        'all agents to be heard',
        async () => (await client.query(unheard, [this.#alive, now])).rowCount === 0,
      );
    });
  }

  /** One more delegation in progress whose agent has been silent for long. Where no daemon sweeps at the moment. */
  async die(): Promise<void> {
    const { url, schema } = this.#place!;
    const delegationId = `dead-${this.dead.length + 1}`;
    await this.#start(delegationId);
    await withClient(url, (client) =>
      client.query(
        `UPDATE "${schema}".delegations SET last_heartbeat = last_heartbeat - ${SILENT_SINCE} WHERE delegation_id = $1`,
        [delegationId],
      ),
    );
    this.dead.push(delegationId);
  }

  /** One agent finishes. Returns the events of its whole history, as they are where the fleet is now. */
  async finishOne(): Promise<readonly string[]> {
    const delegationId = this.#alive.pop()!;
    const { outcome } = await this.#ledger!.setStatus(delegationId, 'completed', { resultPreview: 'done' });
    if (outcome !== 'changed') throw new Error(`the completion of ${delegationId} was ${outcome}`);
    return (await this.#ledger!.history(delegationId)).map(({ event }) => event);
  }

  async stop(): Promise<void> {
    for (const beat of this.#beats) await beat.stop();
    await this.#ledger?.[Symbol.asyncDispose]();
    this.#beats = [];
    this.#ledger = undefined;
  }
}
