import { execFile } from 'node:child_process';
import { mkdir, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ServerUser } from '../../src/embedded/server-user.ts';

const run = promisify(execFile);
const ROOMY = '2g';
const ATTEMPTS = 5;

/** A file system of its own, in memory, that can be full: its size is set to what it holds. Needs the right to mount. */
export class SmallDisk implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Undefined where this process may not mount. */
  static async mount(dir: string, { uid, gid }: ServerUser): Promise<SmallDisk | undefined> {
    await mkdir(dir);
    const options = `size=${ROOMY},mode=700,uid=${uid},gid=${gid}`;
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', options, 'chaos', dir]).then(
      () => true,
      () => false,
    );
    return mounted ? new SmallDisk(dir) : undefined;
  }

  /** From now on no more than this fits. */
  async fill(leftBytes: number): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const { blocks, bfree, bsize } = await statfs(this.dir);
      try {
        await this.#resize(`${(blocks - bfree) * bsize + Math.max(leftBytes, bsize)}`);
        return;
      } catch (err) {
        // It has grown meanwhile.
        if (attempt === ATTEMPTS) throw err;
      }
    }
  }

  async empty(): Promise<void> {
    await this.#resize(ROOMY);
  }

  async #resize(size: string): Promise<void> {
    await run('mount', ['-o', `remount,size=${size}`, this.dir]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', ['-l', this.dir]);
  }
}
