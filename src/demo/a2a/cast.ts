import type { ActivityEvent, Delegation } from '../../index.ts';
import { seconds } from '../../log/seconds.ts';
import type { Act, Ending } from '../role.ts';
import { resultOf, type Work } from './protocol.ts';

/** `writer` and `builder` have the ledger under the SDK's server; `stranger` is the SDK's server alone. */
export const agents = ['writer', 'builder', 'stranger'] as const;
export type AgentName = (typeof agents)[number];

/** What a role can use. */
export interface A2aScene {
  say(act: Act, detail: string): void;
  wait(ms: number): Promise<void>;
  /** What the caller reports about the role. */
  heard(kind: 'asked' | 'broken' | 'delivered' | 'failed'): Promise<unknown>;
  /** The caller is told by the ledger that the delegation has ended; milliseconds from `sinceMs`. */
  told(sinceMs: number): Promise<{ readonly status: string; readonly afterMs: number }>;
  /** A sweep asked the agent, and it was alive. */
  probed(): Promise<void>;
  finished(): Promise<Delegation>;
  answer(): void;
  killAgent(): Promise<void>;
  /** Breaks every connection of the agent. */
  cutStreams(): void;
  killCaller(): Promise<void>;
}

/** One delegation of the demo: what its caller wants of which agent, what happens, and how it has to end. */
export interface A2aRole {
  readonly name: string;
  readonly agent: AgentName;
  readonly work: Work;
  /** The caller that is killed, and which has this delegation alone. */
  readonly caller: 'planner' | 'absent';
  readonly reconnects: boolean;
  readonly ending: Ending;
  readonly play: (scene: A2aScene) => Promise<string>;
}

const begun: readonly ActivityEvent[] = ['delegation.queued', 'delegation.in_progress'];
const attached = { caller: 'planner', reconnects: true } as const;

export const cast: readonly A2aRole[] = [
  {
    ...attached,
    name: 'finisher',
    agent: 'writer',
    work: { workMs: 4_000, ending: 'completes' },
    ending: completed('finisher', []),
    async play({ heard, say }) {
      await heard('delivered');
      say('delivered', `completes its task after ${seconds(4_000)}, and its caller reads the result from the stream`);
      return 'worked, delivered';
    },
  },
  {
    ...attached,
    name: 'victim',
    agent: 'builder',
    work: { workMs: 600_000, ending: 'completes' },
    ending: {
      status: 'stuck',
      by: ['sweeper'],
      errorDetail: /^no heartbeat for \d+s$/,
      activity: [...begun, 'delegation.stuck'],
      result: null,
    },
    async play({ wait, killAgent, told, say }) {
      await wait(2_000);
      await killAgent();
      const killedAtMs = performance.now();
      say('killed', 'its server is killed with SIGKILL; no answer will ever come');
      const { status, afterMs } = await told(killedAtMs);
      say(
        'told',
        `its caller is told that it is ${status}, ${seconds(afterMs)} after the death, and gives the call up`,
      );
      return `killed; its caller knew ${seconds(afterMs, { whole: true })} later`;
    },
  },
  {
    ...attached,
    name: 'asker',
    agent: 'writer',
    work: { workMs: 1_000, ending: 'asks' },
    ending: completed('asker', ['delegation.waiting', 'delegation.resumed']),
    async play({ heard, say, wait, answer }) {
      await heard('asked');
      say('asked', 'asks a person: INPUT_REQUIRED');
      await wait(9_000);
      answer();
      say('answered', `is answered after ${seconds(9_000)}, which is longer than the threshold, and goes on`);
      await heard('delivered');
      say('delivered', 'completes its task');
      return 'waited for a person, unharmed';
    },
  },
  {
    ...attached,
    name: 'forgetter',
    agent: 'writer',
    work: { workMs: 2_000, ending: 'returns' },
    ending: {
      status: 'failed',
      by: ['a2a', 'a2a-agent'],
      errorDetail: /^a2a: FAILED/,
      activity: [...begun, 'delegation.failed'],
      result: null,
    },
    async play({ heard, say }) {
      await heard('failed');
      say('returned', 'its executor returns without a terminal state: FAILED at once, for its caller as well');
      return 'returned without an end';
    },
  },
  {
    caller: 'planner',
    reconnects: false,
    name: 'streamer',
    agent: 'stranger',
    work: { workMs: 10_000, ending: 'completes' },
    ending: takenOver('streamer', ['delegation.probed']),
    async play({ wait, cutStreams, heard, say, probed, finished }) {
      await wait(1_500);
      cutStreams();
      await heard('broken');
      say('cut', 'its connection breaks, and its caller does not take it up again; the agent works on');
      await probed();
      say('probed', 'is silent for longer than the threshold, is asked by the sweep, and is alive');
      await finished();
      return 'lost its stream, was found alive';
    },
  },
  {
    caller: 'absent',
    reconnects: false,
    name: 'orphan',
    agent: 'stranger',
    work: { workMs: 3_000, ending: 'completes' },
    ending: takenOver('orphan', []),
    async play({ wait, killCaller, say, finished }) {
      await wait(1_000);
      await killCaller();
      say('orphaned', 'its caller is killed with SIGKILL; nobody waits for the result');
      const { resultPreview } = await finished();
      say('probed', `was asked by the sweep, which takes over "${resultPreview}"`);
      return 'finished while its caller was away';
    },
  },
];

function completed(role: string, between: readonly ActivityEvent[]): Ending {
  return {
    status: 'completed',
    by: ['a2a', 'a2a-agent'],
    errorDetail: null,
    activity: [...begun, ...between, 'delegation.completed'],
    result: resultOf(role),
  };
}

/** The sweep got the result from the agent. */
function takenOver(role: string, between: readonly ActivityEvent[]): Ending {
  const { activity, ...rest } = completed(role, between);
  return { ...rest, by: ['sweeper'], activity: [...activity, 'delegation.probed'] };
}
