/** Preloaded into a child: it ends with its parent, so that a test that is killed leaves nothing behind. */
process.stdin.on('close', () => process.kill(process.pid, 'SIGKILL')).resume();
