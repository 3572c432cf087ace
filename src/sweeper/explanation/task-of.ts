import type { RowOf } from '../../db/column.ts';
import { infersSilence } from '../pass/rules.ts';
import type { ProbeOptions } from '../probe/suspect-probe.ts';
import type { ExplainedTask } from './explained-task.ts';
import { shownAddress } from './shown-address.ts';
import type { ActivityEntry } from './statements/activity.ts';
import type { taskColumns } from './statements/task.ts';
import type { Verdict } from './verdict.ts';

export interface TaskParts {
  /** The last activity of a probe; null: none. */
  readonly probed: ActivityEntry | null;
  /** Null: no agent is asked. */
  readonly probe: ProbeOptions | null;
  /** Null: the delegation has ended. */
  readonly verdict: Verdict | null;
}

/** Pure: an A2A task, and when its agent is asked for it. */
export function taskOf(task: RowOf<typeof taskColumns>, { probed, probe, verdict }: TaskParts): ExplainedTask {
  const refusal = probe === null ? null : probe.probe.refusal(task.agentUrl);
  const due = verdict?.due.find(({ rule }) => infersSilence({ name: rule }));
  const outcome = probed?.detail?.outcome;
  return {
    ...task,
    agentUrl: shownAddress(task.agentUrl),
    tenant: task.tenant === '' ? null : task.tenant,
    createdAt: task.createdAt.toISOString(),
    probe: {
      isEnabled: probe !== null,
      refusal,
      lastAnswer: probed !== null && typeof outcome === 'string' ? { at: probed.at.toISOString(), outcome } : null,
      asksAt: probe !== null && refusal === null && due !== undefined ? due.at : null,
    },
  };
}
