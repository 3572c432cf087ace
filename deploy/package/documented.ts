import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { commandBlocks } from '../../test/docs/command-blocks.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { attempt, Background, run, tail } from '../verify/command.ts';
import { assert, type Report } from '../verify/report.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Runs the commands with which README.md and docs/library.md have a reader begin, as pasted, in a clone of the checkout. */
export async function verifyDocumented(report: Report, dir: string, url: string): Promise<void> {
  const clone = path.join(dir, 'clone');
  await run('git', ['clone', '--quiet', '--no-hardlinks', root, clone]);
  // npm's registry and its certificates may be set in the environment.
  const env = { ...process.env, DATABASE_URL: undefined };
  await report.check('documented', "README.md's demo, as pasted", () =>
    runsToItsEnd(block('npm ci && npm run demo'), clone, env),
  );
  await report.check('documented', "README.md's demo with A2A, as pasted", () =>
    runsToItsEnd(block('npm run demo -- --a2a'), clone, env),
  );
  await report.check('documented', "docs/library.md's package, as pasted", () =>
    runsToItsEnd(block('npm pack'), clone, env),
  );
  await report.check('documented', "docs/a2a.md's examples, as pasted", () => {
    const theirs = block('examples/a2a-caller.ts').replace(/postgresql:\S+/, `'${url}'`);
    return runsToItsEnd(theirs, clone, env);
  });
  await report.check(
    'documented',
    "docs/library.md's installation, as pasted, up to the daemon's first sweep",
    async () => {
      const project = path.join(dir, 'documented-project');
      await mkdir(project);
      await run('npm', ['init', '--yes'], { cwd: project });
      const yours = block('npx delegation-sweeper start')
        .replace('/path/to/', `${clone}/`)
        .replace(/postgresql:\S+/, `'${url}'`);
      await using daemon = new Background('setsid', ['bash', '-ec', yours], {
        cwd: project,
        env: { ...env, OPS_PORT: '0' },
      });
      await waitFor(
        'the first sweep',
        () => daemon.ended || daemon.lines.some((line) => line.includes('"sweep.completed"')),
        { timeoutMs: 120_000 },
      );
      assert(!daemon.ended, tail(daemon.lines.join('\n')));
      // Its group: the shell's child is npx, and that one's is the daemon.
      process.kill(-daemon.pid, 'SIGTERM');
      const installed = await readdir(path.join(project, 'node_modules'));
      for (const name of ['delegation-sweeper', 'kysely', 'pg']) assert(installed.includes(name), `${name} is missing`);
    },
  );
}

function block(containing: string): string {
  const found = commandBlocks().find(({ text }) => text.includes(containing));
  if (found === undefined) throw new Error(`no page has a block with \`${containing}\``);
  return found.text;
}

async function runsToItsEnd(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { code, stdout, stderr } = await attempt('bash', ['-ec', script], { cwd, env });
  assert(code === 0, `exited ${code}: ${tail(stderr || stdout)}`);
}
