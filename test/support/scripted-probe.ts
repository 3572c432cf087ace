import type { ProbeAnswer, ProbeOptions, SuspectProbe, SuspectTask } from '../../src/sweeper/probe/suspect-probe.ts';
import type { Queryable } from './wait-for.ts';

type Script = (task: SuspectTask, signal: AbortSignal) => ProbeAnswer | Promise<ProbeAnswer>;

/** Answers as a test says; remembers whom it asked, and how often. */
export class ScriptedProbe implements SuspectProbe {
  readonly asked: string[] = [];
  readonly #script: Script;
  readonly #refusal: SuspectProbe['refusal'];

  constructor(script: Script, refusal: SuspectProbe['refusal'] = () => null) {
    this.#script = script;
    this.#refusal = refusal;
  }

  refusal(agentUrl: string): string | null {
    return this.#refusal(agentUrl);
  }

  readonly ask: SuspectProbe['ask'] = async (tasks, { signal }, take) => {
    await Promise.all(
      tasks.map(async (task) => {
        this.asked.push(task.delegationId);
        await take(task, await this.#script(task, signal));
      }),
    );
  };

  options(options: Partial<Omit<ProbeOptions, 'probe'>> = {}): ProbeOptions {
    return { probe: this, asksMax: 100, timeoutMs: 5_000, ...options };
  }
}

/** The delegation is an A2A task. */
export async function mapTask(
  database: Queryable,
  delegationId: string,
  task: Partial<SuspectTask> = {},
): Promise<void> {
  const { agentUrl = 'http://agent.test/rpc', tenant = '', taskId = `task of ${delegationId}` } = task;
  await database.query('INSERT INTO a2a_tasks (delegation_id, agent_url, tenant, task_id) VALUES ($1, $2, $3, $4)', [
    delegationId,
    agentUrl,
    tenant,
    taskId,
  ]);
}
