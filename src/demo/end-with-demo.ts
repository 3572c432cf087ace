/** For a process of the demo: a Ctrl-C reaches the whole process group, but the demo ends its processes; with it they end. */
export function endWithDemo(): void {
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit());
}
