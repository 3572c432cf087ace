import { createHash } from 'node:crypto';
import { Task } from '@a2a-js/sdk';

/**
 * The same as long as nothing of the task changes: state, status timestamp and message, artifacts, the last message. A
 * timestamp of the agent is compared with nothing but itself.
 */
export function fingerprintOf(task: Task): string {
  return createHash('sha256')
    .update(JSON.stringify(Task.toJSON(task)))
    .digest('hex')
    .slice(0, 32);
}
