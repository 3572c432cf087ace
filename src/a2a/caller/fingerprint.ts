import { createHash } from 'node:crypto';
import type { Part, TaskStatus } from '@a2a-js/sdk';

/** What a status says. An agent that stamps every status with the same instant is told apart by the message. */
export function statusPrint(status: TaskStatus | undefined): string {
  const { state, timestamp = '', message } = status ?? {};
  return `${state ?? ''} ${timestamp} ${message === undefined ? '' : partsPrint('', message.parts ?? [])}`;
}

/** What an artifact says, part by part: the same whether its parts came one by one, each appended, or all at once. */
export function partsPrint(before: string, parts: readonly Part[]): string {
  return parts.reduce((print, part) => digest(print, partPrint(part)), before);
}

export function partPrint({ content }: Part): string {
  if (content === undefined) return digest('');
  const { $case, value } = content;
  return digest($case, Buffer.isBuffer(value) || typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
}

function digest(...content: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const piece of content) hash.update(piece).update('\0');
  return hash.digest('base64');
}
