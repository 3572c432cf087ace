import { styleText } from 'node:util';
import { seconds } from '../log/seconds.ts';

type Line = Readonly<Record<string, unknown>>;

/** Wide enough for every name of the cast. */
const NAME_WIDTH = 11;

/** A log line in words, for a person who watches. */
export function narrate(line: Line): string {
  const textOf = texts[String(line.event)];
  return textOf ? textOf(line) : String(line.message);
}

/** The progress line counts sweeps, each mark has its own line, and the table shows the results. */
const elsewhere = new Set(['sweep.completed', 'ledger.daily', 'demo.result', 'demo.completed']);

export function isWorthALine(event: string): boolean {
  return !elsewhere.has(event);
}

const texts: Readonly<Record<string, (line: Line) => string>> = {
  'demo.started': ({ agents, stuckAfterMs, schema, database }) =>
    `${agents} delegations${database === 'given' ? ` in ${schema}` : ''}; more than ${seconds(Number(stuckAfterMs))} of silence is stuck`,
  'demo.agent': ({ agent, detail }) => `${name(agent)} ${detail}`,
  'delegation.stuck': ({ delegationId, silentMs, stuckAfterMs }) =>
    `${roleOf(delegationId)} ${red('STUCK')}: no heartbeat for ${seconds(Number(silentMs))}, ${seconds(Number(stuckAfterMs))} are allowed`,
  'delegation.stalled': ({ delegationId, silentMs, stalledAfterMs }) =>
    `${roleOf(delegationId)} ${red('STUCK')}: no progress for ${seconds(Number(silentMs))}, ${seconds(Number(stalledAfterMs))} are allowed`,
  'delegation.deadline_exceeded': ({ delegationId, fromStatus, overdueMs }) =>
    `${roleOf(delegationId)} ${red('FAILED')}: ${fromStatus}, ${seconds(Number(overdueMs))} past its deadline`,
  'ledger.late_result': ({ delegationId, from }) =>
    `${roleOf(delegationId)} ${yellow('LATE')}: refused, it stays ${from}; result recorded`,
  'delegation.probed': ({ delegationId, outcome, reason }) =>
    `${roleOf(delegationId)} ${yellow('ASKED')} by the sweep: ${reason === null ? outcome : `${outcome}, ${reason}`}`,
  'embedded.started': () => 'PostgreSQL is running, only for this demo',
  'embedded.stopped': () => 'PostgreSQL has stopped, its data are gone',
};

function roleOf(delegationId: unknown): string {
  return name(String(delegationId).replace('demo-', ''));
}

function name(of: unknown): string {
  return String(of).padEnd(NAME_WIDTH);
}

const red = (text: string) => styleText(['bold', 'red'], text, { stream: process.stdout });
const yellow = (text: string) => styleText(['bold', 'yellow'], text, { stream: process.stdout });
