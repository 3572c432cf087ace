import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const FS_GROUP = 1000;

/**
 * A folder that changes as the kubelet changes a mounted secret: the files are links into `..data`, which is a link
 * itself and is replaced as a whole.
 */
export class MountedSecret implements AsyncDisposable {
  readonly dir: string;
  #version = 0;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(files: Readonly<Record<string, string>>): Promise<MountedSecret> {
    const secret = new MountedSecret(await mkdtemp(path.join(tmpdir(), 'verify-deploy-secret-')));
    await chmod(secret.dir, 0o755);
    await secret.replace(files);
    for (const name of Object.keys(files)) await symlink(`..data/${name}`, path.join(secret.dir, name));
    return secret;
  }

  async replace(files: Readonly<Record<string, string>>): Promise<void> {
    this.#version += 1;
    const folder = path.join(this.dir, `..${this.#version}`);
    await mkdir(folder);
    await chown(folder, 0, FS_GROUP);
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(folder, name);
      await writeFile(file, content, { mode: 0o440 });
      await chown(file, 0, FS_GROUP);
    }
    const link = path.join(this.dir, '..data_tmp');
    await symlink(`..${this.#version}`, link);
    await rename(link, path.join(this.dir, '..data'));
  }

  async read(name: string): Promise<string> {
    return readFile(path.join(this.dir, name), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
