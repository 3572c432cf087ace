import type { Delegation } from '../ledger/delegation.ts';
import { isTerminal, type Status } from '../ledger/transitions.ts';
import { since } from '../ops/page/format.ts';
import { type CellStyle, type TableColumn, table } from './table.ts';

interface ListView {
  /** The database's clock. */
  readonly now: Date;
  readonly terminal: boolean;
}

/** One row per delegation: on a terminal with ages and colours, elsewhere with instants. */
export function listWords(rows: readonly Delegation[], { now, terminal }: ListView): string {
  if (rows.length === 0) return 'No delegations.';
  const when = (at: Date | null) => (at === null ? null : terminal ? since(now, at) : at.toISOString());
  const columns: readonly TableColumn<Delegation>[] = [
    { head: 'ID', text: ({ delegationId }) => delegationId, whole: true },
    { head: 'STATUS', text: (row) => statusWords(row, now), style: ({ status }) => statusStyle(status) },
    { head: terminal ? 'AGE' : 'CREATED', text: ({ createdAt }) => when(createdAt) },
    { head: 'HEARD', text: ({ lastHeartbeat, status }) => (isTerminal(status) ? null : when(lastHeartbeat)) },
    { head: 'ENDED', text: ({ finishedAt }) => when(finishedAt) },
    { head: 'ATTEMPT', text: ({ attempt }) => (attempt === 1 ? null : String(attempt)) },
    { head: 'CALLER', text: ({ callerId }) => callerId },
    { head: 'CALLEE', text: ({ calleeId }) => calleeId },
  ];
  return table(rows, columns, { terminal });
}

function statusWords({ status, waitingUntil }: Delegation, now: Date): string {
  return waitingUntil !== null && waitingUntil > now ? `${status}, waiting` : status;
}

const styles: Readonly<Record<Status, CellStyle | null>> = {
  queued: null,
  dispatched: null,
  in_progress: 'cyan',
  completed: 'green',
  failed: 'red',
  stuck: 'red',
};

/** The colour of a status on a terminal. */
export function statusStyle(status: Status): CellStyle | null {
  return styles[status];
}
