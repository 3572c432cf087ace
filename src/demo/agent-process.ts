import { spawn } from 'node:child_process';
import type { Order, Report } from './agent-protocol.ts';
import { DemoProcess, type LogReport } from './demo-process.ts';

/**
 * Stops a process until its own input ends, which it does with the demo, however that ends. A stopped agent could not
 * notice by itself that the demo has ended.
 */
const STOPPER = 'trap "" INT TERM; kill -STOP "$1"; read -r _; kill -CONT "$1"';

/** One agent process of the demo. */
export class AgentProcess extends DemoProcess<Order, Report> {
  constructor(name: string, onLog: (report: LogReport) => void) {
    super(name, new URL('agent', import.meta.url), onLog);
  }

  /** SIGSTOP: alive, but silent. Returns a function that sends SIGCONT. */
  pause(): () => void {
    const stopper = spawn('/bin/sh', ['-c', STOPPER, 'sh', String(this.pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
    stopper.on('error', () => {}).unref(); // an agent that is not stopped shows at the end
    stopper.stdin.on('error', () => {});
    return () => stopper.stdin.end();
  }
}
