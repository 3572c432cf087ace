/** src/main.ts unchanged, but it ends with its parent, so that a killed test leaves no daemon behind. */
process.stdin.on('close', () => process.kill(process.pid, 'SIGKILL')).resume();
await import('../../src/main.ts');
