import { test } from '@jest/globals';
import { startFasterDaemon } from '../faults/faster-daemon.ts';
import { REFUSED_ENV, refusedFor } from '../faults/refused.ts';

test('the server refuses the whole daemon for an hour', async () => {
  await using undo = new AsyncDisposableStack();
  await refusedFor(60, await startFasterDaemon(undo, { factor: 30, env: REFUSED_ENV }));
}, 900_000);
