import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from './command.ts';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  readonly dir: string;
}

const VALID_DAYS = '2';
const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout'];

/** A certificate authority for one run. */
export async function makeAuthority(dir: string, name: string): Promise<Authority> {
  const files = { cert: path.join(dir, `${name}.crt`), key: path.join(dir, `${name}.key`) };
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    files.key,
    '-out',
    files.cert,
    '-days',
    VALID_DAYS,
    '-subj',
    `/CN=${name}`,
  ]);
  return { dir, ...files };
}

/** A server's certificate for these subject alternative names, such as DNS:localhost. */
export async function makeCertificate(authority: Authority, name: string, subjects: string): Promise<Certificate> {
  const file = (suffix: string) => path.join(authority.dir, `${name}.${suffix}`);
  await writeFile(file('ext'), `subjectAltName=${subjects}\n`);
  await run('openssl', ['req', ...newKey, file('key'), '-out', file('csr'), '-subj', `/CN=${name}`]);
  const signing = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-extfile', file('ext')];
  await run('openssl', ['x509', '-req', '-in', file('csr'), ...signing, '-out', file('crt'), '-days', VALID_DAYS]);
  return { cert: file('crt'), key: file('key') };
}
