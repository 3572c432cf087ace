import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeCitusCatalogue, placeTable } from '../support/citus-catalogue.ts';
import { startDaemon } from '../support/daemon.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ fresh: true });

describe('a ledger of which Citus has a part', () => {
  beforeAll(async () => {
    await makeCitusCatalogue(database);
    await placeTable(database, 'delegations', { method: 'h', colocation: 3 });
  });

  test.each([['migrate', 'up'], ['migrate', 'down', '--delete-all-data'], ['sweep']])(
    'is refused by %s %s %s (78), which names what to do',
    async (...args) => {
      const { code, stdout, stderr } = await runProgram(args, { DATABASE_URL: database.url });
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(stderr).toMatch(/delegations of the schema public is distributed by rows/);
      expect(stderr).toMatch(/What to do: SELECT undistribute_table\('"public"\."delegations"'/);
    },
  );

  test('leaves the daemon running, not ready, and logged', async () => {
    await using daemon = startDaemon(database.url);
    expect(await daemon.until('database.schema_outdated')).toMatchObject({
      component: 'citus',
      found: expect.stringContaining('distributed by rows'),
      remedy: expect.stringContaining('undistribute_table'),
    });
    const { port } = await daemon.until('ops.listening');
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
  });
});
