import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { envelopeOfEvent } from '../../src/webhook/envelope.ts';
import { Poster } from '../../src/webhook/poster.ts';
import { SigningSecrets } from '../../src/webhook/signing-secrets.ts';
import { spawnNode } from '../support/child.ts';
import { capturedLog } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';
import { eventOf, secretOf } from '../support/webhook.ts';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/webhooks.md'), 'utf8');

/** The page's program in this language. */
function programIn(language: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/webhooks.md has no program in ${language}`);
  return text;
}

let directory: string;
beforeAll(() => {
  // Below the checkout, so that the receiver finds its library.
  directory = mkdtempSync(path.join(root, 'node_modules/.cache/receivers-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

test.each([
  ['js', 'receiver.mjs', process.execPath],
  ['py', 'receiver.py', '/usr/bin/python3'],
])(
  'the receiver in %s, as the page has it, takes what is signed by its secret, also during a rotation, and nothing else',
  async (language, name, command) => {
    const [old, next, foreign] = [secretOf(1), secretOf(2), secretOf(3)];
    const program = path.join(directory, name);
    writeFileSync(program, programIn(language));
    const port = await freePort();
    await using child = spawnNode([program], { command, env: { WEBHOOK_SECRET: old, PORT: String(port) } });
    const secretFile = path.join(mkdtempSync(path.join(tmpdir(), 'webhook-')), 'secret');
    const rotate = (...secrets: string[]) => {
      writeFileSync(`${secretFile}.new`, `${secrets.join('\n')}\n`);
      renameSync(`${secretFile}.new`, secretFile);
    };
    rotate(old);
    const { log } = capturedLog();
    const poster = new Poster(new SigningSecrets({ file: secretFile }, log), {
      url: `http://127.0.0.1:${port}/`,
      allowPrivate: true,
      userAgent: 'test',
    });
    const post = (id: number) => poster.post(envelopeOfEvent(eventOf(id, `délégation-${id} ✓`)));
    await waitFor('the receiver', async () => (await post(1)).delivered);
    expect(await post(1)).toMatchObject({ delivered: true });
    rotate(next, old);
    expect(await post(2)).toMatchObject({ delivered: true, status: 204 });
    rotate(foreign);
    expect(await post(3)).toMatchObject({ delivered: false, reason: 'status_401' });
    rotate(old);
    expect(await post(4)).toMatchObject({ delivered: true });
    await waitFor('its lines', () => child.stdoutLines.length === 3);
    expect(child.stdoutLines).toEqual([1, 2, 4].map((id) => `delegation.stuck.v1 délégation-${id} ✓`));
    rmSync(path.dirname(secretFile), { recursive: true });
  },
);
