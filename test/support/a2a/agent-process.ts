import path from 'node:path';
import type { AgentCard } from '@a2a-js/sdk';
import { spawnNode, type TestChild } from '../child.ts';
import { type AgentOptions, CLOSE_GATES } from './agent-options.ts';

const script = path.join(import.meta.dirname, 'agent.ts');

/** On a busy machine; the SDK's modules are many. */
const START_WITHIN_MS = 60_000;

/** What a scripted agent's executor saw or did. */
export interface Reported {
  readonly event: 'execute' | 'returned' | 'cancelTask' | 'request';
  readonly taskId: string;
  readonly contextId?: string;
  readonly messageId?: string;
  readonly script?: string;
  /** Method, path and, over JSON-RPC, the method there. */
  readonly request?: string;
}

/** A scripted agent (see script.ts) in a process of its own. Disposing it kills the process. */
export class ScriptedAgent implements AsyncDisposable {
  readonly #child: TestChild;
  readonly options: AgentOptions;
  /** Of its HTTP server: its card is below it. */
  readonly origin: string;
  readonly card: AgentCard;

  private constructor(child: TestChild, options: AgentOptions, { origin, card }: { origin: string; card: AgentCard }) {
    this.#child = child;
    this.options = options;
    this.origin = origin;
    this.card = card;
  }

  static async start(options: AgentOptions): Promise<ScriptedAgent> {
    const child = spawnNode([script, JSON.stringify(options)]);
    try {
      const line = await child.waitForLine((text) => text.includes('"listening"'), { timeoutMs: START_WITHIN_MS });
      return new ScriptedAgent(child, options, JSON.parse(line));
    } catch (err) {
      await child[Symbol.asyncDispose]();
      throw err;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What its executor saw and did so far. */
  get reported(): Reported[] {
    // The SDK prints there, too.
    const lines = this.#child.stdoutLines.filter((line) => line.startsWith('{"event":'));
    return lines.map((line) => JSON.parse(line)).filter(({ event }) => event !== 'listening');
  }

  /** What it wrote to standard error: the SDK complains there. */
  get complaints(): readonly string[] {
    return this.#child.stderrLines;
  }

  /** Waits until its executor has seen or done this. */
  async heard(event: Reported['event'], taskId?: string): Promise<Reported> {
    const line = await this.#child.waitForLine(
      (text) => text.includes(`"event":"${event}"`) && text.includes(taskId ?? ''),
    );
    return JSON.parse(line);
  }

  /** Lets every script that waits at this gate go on. */
  open(gate: string): void {
    this.#child.say(gate);
  }

  /** Gates that are open are closed again. */
  closeGates(): void {
    this.#child.say(CLOSE_GATES);
  }

  /** SIGKILL, SIGSTOP, SIGCONT, SIGTERM. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.#child.exit;
  }

  /** The same agent in a new process, at the same addresses; the former one has to have ended. */
  restart(changes: Partial<AgentOptions> = {}): Promise<ScriptedAgent> {
    const grpc = this.card.supportedInterfaces.find(({ protocolBinding }) => protocolBinding === 'GRPC')!;
    const places = { port: Number(new URL(this.origin).port), grpcPort: Number(grpc.url.split(':')[1]) };
    return ScriptedAgent.start({ ...this.options, ...places, ...changes });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}
