/** Hands what Node and libraries warn of to `hear`, until it is disposed. By itself Node prints it, as plain text. */
export function onProcessWarning(hear: (warning: Error & { code?: string }) => void): Disposable {
  const before = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', hear);
  return {
    [Symbol.dispose]() {
      process.off('warning', hear);
      for (const listener of before) process.on('warning', listener);
    },
  };
}
