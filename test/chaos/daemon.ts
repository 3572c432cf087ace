/** src/main.ts as it is, which ends with its parent: a test that is killed leaves no daemon behind. */
process.stdin.on('close', () => process.kill(process.pid, 'SIGKILL')).resume();
await import('../../src/main.ts');
