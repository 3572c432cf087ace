import { readFileSync } from 'node:fs';
import { textValue, type Value, value } from './value.ts';

const PREFIX = 'whsec_';
/** As Standard Webhooks has it. */
const KEY_BYTES_MIN = 24;
const KEY_BYTES_MAX = 64;
/** A second one while a secret is rotated. */
const SECRETS_MAX = 2;

const acceptedSecrets = `one secret, or two while one is replaced by another, with a space or a new line between them: each ${PREFIX} and then ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} random bytes in base64, such as printed by: echo "${PREFIX}$(openssl rand -base64 32)"`;

/** The secrets that a text holds. @throws Error that says what is wrong, without a part of the text. */
export function secretsOf(text: string): readonly string[] {
  const secrets = text.split(/\s+/).filter((each) => each !== '');
  const refusal = refusalOf(secrets);
  if (refusal !== null) throw new Error(refusal);
  return secrets;
}

function refusalOf(secrets: readonly string[]): string | null {
  if (secrets.length === 0) return 'is empty';
  if (secrets.length > SECRETS_MAX) return `holds ${secrets.length} secrets`;
  const problems = secrets.map(problemOf);
  const index = problems.findIndex((problem) => problem !== null);
  if (index < 0) return null;
  return `${secrets.length === 1 ? 'the secret' : `secret ${index + 1} of ${secrets.length}`} ${problems[index]}`;
}

function problemOf(secret: string): string | null {
  if (!secret.startsWith(PREFIX)) return `does not begin with ${PREFIX}`;
  const text = secret.slice(PREFIX.length);
  const key = Buffer.from(text, 'base64');
  if (key.toString('base64') !== text)
    return `is not base64 after ${PREFIX} (the standard alphabet, with = at the end)`;
  if (key.length < KEY_BYTES_MIN) return `has ${key.length} bytes, fewer than ${KEY_BYTES_MIN}`;
  return key.length > KEY_BYTES_MAX ? `has ${key.length} bytes, more than ${KEY_BYTES_MAX}` : null;
}

/** Why the text holds no secrets; null when it does. */
function refusalOfText(text: string): string | null {
  try {
    secretsOf(text);
    return null;
  } catch (err) {
    return (err as Error).message;
  }
}

export const webhookSecrets: Value<readonly string[]> = value(acceptedSecrets, refusalOfText, secretsOf);

/** The secrets of a file. @throws Error that says why there are none, without a part of its content. */
export function readSecrets(path: string): readonly string[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (err) {
    throw new Error(`cannot be read: ${(err as NodeJS.ErrnoException).code ?? 'not a path'}`);
  }
  return secretsOf(content);
}

/** The file is read again for each post, so that a mounted secret may rotate; here it is only checked. */
export const webhookSecretFile = textValue(
  'the path of a readable file that holds what WEBHOOK_SECRET accepts',
  (path) => {
    if (path.includes(PREFIX)) return 'a secret, where the path of a file has to stand';
    try {
      readSecrets(path);
      return null;
    } catch (err) {
      return (err as Error).message;
    }
  },
);

export const webhookUrl = textValue('a URL of https; of http only together with WEBHOOK_ALLOW_PRIVATE=true', (text) => {
  const url = URL.parse(text);
  if (url === null) return 'not a URL';
  if (!/^https?:$/.test(url.protocol)) return `the protocol is ${url.protocol.slice(0, -1)}`;
  if (url.username !== '' || url.password !== '') {
    return 'a user or a password in it: the receiver knows the sender by the signature';
  }
  return url.hash === '' ? null : 'a fragment (#...) in it, which is never sent';
});

/** The URL as it may be shown: its path or query is often a secret itself. */
export function shownWebhookUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return '***';
  return `${url.protocol}//${url.host}${url.pathname + url.search === '/' ? '' : '/***'}`;
}
