import { type ChildProcess, spawn } from 'node:child_process';
import type { ChaosServer } from './chaos-server.ts';

/**
 * Every child ends when this process's end of its standard input is closed, however this process ends; but a frozen one
 * does not notice. This process gets the pid of each, wakes them all then, and removes the diaries (its first argument)
 * and what the server left: its root, and the disk that is mounted in it.
 */
const WAKER = `pids=""; while read -r pid; do pids="$pids $pid"; done; kill -CONT $pids 2>/dev/null; rm -rf "$1"
[ -d "$2" ] || exit 0
sleep 35
[ -z "$3" ] || umount -l "$3" 2>/dev/null
rm -rf "$2"`;

export function startWaker(diaries: string, { root, mountedDir = '' }: ChaosServer): ChildProcess {
  return spawn('/bin/sh', ['-c', WAKER, 'chaos-waker', diaries, root, mountedDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
}
