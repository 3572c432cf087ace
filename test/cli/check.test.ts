import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../support/program.ts';

/** No server listens there. */
const DATABASE_URL = 'postgresql://sweeper:hush@127.0.0.1:1/ledger';

const wrong = {
  DATABASE_URL: 'mysql://sweeper:hush@127.0.0.1/ledger',
  STUCK_AFTER: '10 minutes',
  SWEEP_CRON: '*/10 * * * * *',
  SWEEP_BATCH_SIZE: '0',
  DB_SCHEMA: 'pg_ledger',
  STORM_RATO: '0.5',
};

describe('check', () => {
  test('shows the resulting configuration, the password redacted, and connects to nothing', async () => {
    const { code, stdout, stderr } = await runProgram(['check'], { DATABASE_URL, STUCK_AFTER: '90s' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('The configuration is valid.');
    expect(stdout).toContain('STUCK_AFTER = 90s');
    expect(stdout).toContain('A2A_PROBE_ALLOW = (not set)');
    expect(stdout).toContain('sweeper:***@127.0.0.1');
    expect(stdout).not.toContain('hush');
  });

  test('--json prints the same as one object', async () => {
    const { code, stdout } = await runProgram(['check', '--json'], { DATABASE_URL });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dbSchema: 'public', stuckAfterMs: 600_000 });
    expect(stdout).not.toContain('hush');
  });

  test('starts no embedded database', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'test-check-'));
    const dataDir = path.join(dir, 'data');
    try {
      expect(await runProgram(['check'], { DATA_DIR: dataDir })).toMatchObject({ code: 0 });
      expect(existsSync(dataDir)).toBe(false);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test.each(['check', 'start', 'sweep', 'migrate', 'demo'])(
    'a wrong configuration ends %s with 78 and every problem at once, no secret among them',
    async (command) => {
      const { code, stdout, stderr } = await runProgram([command], wrong);
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      for (const variable of Object.keys(wrong)) expect(stderr).toMatch(new RegExp(`^  ${variable}\\b`, 'm'));
      expect(stderr).toContain('did you mean STORM_RATIO?');
      expect(stderr).not.toContain('hush');
    },
  );

  test('production without a database is refused', async () => {
    const { code, stderr } = await runProgram(['check'], { NODE_ENV: 'production' });
    expect(code).toBe(78);
    expect(stderr).toMatch(/DATABASE_URL: not set/);
  });
});
