import type { ActivityEvent } from '../index.ts';
import { seconds } from '../log/seconds.ts';
import { resultOf } from './agent-protocol.ts';
import type { Ending, Role } from './role.ts';

const STUCK_DETAIL = /^no heartbeat for \d+s$/;
const OVERDUE_DETAIL = /^deadline exceeded$/;
/** Longer than the demo: an agent that works this long never finishes. */
const FOR_EVER_MS = 600_000;

/** Everything that may happen to an agent, at once. Fewer than 20 fall silent, so the storm guard does not hold. */
export const cast: readonly Role[] = [
  ...[3_000, 5_000, 7_000, 9_000, 11_000].map((workMs, index) => finisher(`finisher-${index + 1}`, workMs)),
  ...[2_000, 4_000, 6_000].map((afterMs, index) => victim(`victim-${index + 1}`, afterMs)),
  zombie('zombie'),
  runaway('runaway'),
  quitter('quitter'),
  absentee('absentee'),
  successor('successor', 'victim-1', 1_500),
];

/** Works, sends heartbeats, delivers. */
function finisher(name: string, workMs: number) {
  return {
    name,
    deadlineMs: null,
    work: { workMs, ending: 'completes' },
    ending: { ...ending('completed', name, null), result: resultOf(name) },
    async play({ say, signal }, agent) {
      await agent.heard('delivered', signal);
      say('delivered', `delivers its result after ${seconds(workMs)} of work`);
      return `worked ${seconds(workMs)}, delivered`;
    },
  } satisfies Role;
}

/** Does, on the second attempt, what an agent left undone that was killed. */
function successor(name: string, retryOf: string, workMs: number): Role {
  const finishing = finisher(name, workMs);
  return {
    ...finishing,
    retryOf,
    ending: { ...finishing.ending, attempt: 2 },
    async play(scene, agent) {
      await finishing.play(scene, agent);
      return `did what ${retryOf} left undone`;
    },
  };
}

/** Is killed in the middle of its work: only its silence shows it. */
function victim(name: string, afterMs: number): Role {
  return {
    name,
    deadlineMs: null,
    work: { workMs: FOR_EVER_MS, ending: 'completes' },
    ending: ending('stuck', 'sweeper', STUCK_DETAIL),
    async play({ say, wait, finished }, agent) {
      await wait(afterMs);
      agent.kill();
      await agent.gone;
      say('killed', `is killed with SIGKILL after ${seconds(afterMs)} of work`);
      await finished();
      return 'killed with SIGKILL';
    },
  };
}

/** Is stopped until its delegation is stuck, continues, and delivers its result then. */
function zombie(name: string): Role {
  const stuck = ending('stuck', 'sweeper', STUCK_DETAIL);
  return {
    name,
    deadlineMs: null,
    work: { workMs: FOR_EVER_MS, ending: 'insists' },
    ending: { ...stuck, activity: [...stuck.activity, 'delegation.late_result'], result: resultOf(name) },
    async play({ say, wait, finished, signal }, agent) {
      await wait(3_000);
      const resume = agent.pause();
      say('paused', 'is stopped with SIGSTOP: alive, but silent');
      await finished();
      resume();
      say('resumed', 'continues (SIGCONT)');
      const { status } = await agent.heard('told', signal);
      say('told', `hears from its heartbeat that it is ${status}`);
      const { outcome } = await agent.heard('delivered', signal);
      say('delivered', `delivers its result nevertheless: ${outcome}`);
      if (outcome !== 'refused') throw new Error(`its late result was ${outcome}, not refused`);
      return 'came back, too late';
    },
  };
}

/** Sends heartbeats without end, past its deadline. */
function runaway(name: string): Role {
  return {
    name,
    deadlineMs: 9_000,
    work: { workMs: FOR_EVER_MS, ending: 'completes' },
    ending: ending('failed', 'sweeper', OVERDUE_DETAIL),
    async play({ say, signal }, agent) {
      const { status } = await agent.heard('told', signal);
      say('told', `hears from its heartbeat that it is ${status}`);
      await agent.gone;
      return 'ran past its deadline';
    },
  };
}

/** Reports its own failure. */
function quitter(name: string): Role {
  return {
    name,
    deadlineMs: null,
    work: { workMs: 6_500, ending: 'fails' },
    ending: ending('failed', name, /^out of ideas$/),
    async play({ say, signal }, agent) {
      await agent.heard('delivered', signal);
      say('delivered', 'reports that it has failed');
      return 'reported a failure';
    },
  };
}

/** No agent ever takes it. */
function absentee(name: string): Role {
  return {
    name,
    deadlineMs: 5_000,
    work: null,
    ending: {
      status: 'failed',
      by: ['sweeper'],
      errorDetail: OVERDUE_DETAIL,
      activity: ['delegation.queued', 'delegation.failed'],
      result: null,
    },
    async play({ finished }) {
      await finished();
      return 'never came';
    },
  };
}

function ending(status: 'completed' | 'failed' | 'stuck', by: string, errorDetail: RegExp | null): Ending {
  const activity: ActivityEvent[] = ['delegation.queued', 'delegation.dispatched', 'delegation.in_progress'];
  return { status, by: [by], errorDetail, activity: [...activity, `delegation.${status}`], result: null };
}
