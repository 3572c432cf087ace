/** Preloaded into a child: it ends with its parent, so that a killed test leaves nothing behind. */
process.stdin.on('close', () => process.kill(process.pid, 'SIGKILL')).resume();
