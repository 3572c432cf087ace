/** Passes the warnings of Node and of libraries to `listener` until it is disposed. Otherwise Node prints them as plain text. */
export function onProcessWarning(listener: (warning: Error & { code?: string }) => void): Disposable {
  const before = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', listener);
  return {
    [Symbol.dispose]() {
      process.off('warning', listener);
      for (const earlier of before) process.on('warning', earlier);
    },
  };
}
