import type { Message } from '@a2a-js/sdk';
import type { InsertArguments } from '../../index.ts';
import { calleeOf, idempotencyKeyOf } from '../ledger-id.ts';
import { uuidv7 } from '../uuidv7.ts';
import type { CallerSettings, DelegationChoice, OutgoingMessage } from './options.ts';

/** Characters of a preview that are looked at: the ledger cuts it to 4096 bytes. */
const PREVIEW_CHARACTERS_MAX = 4_096;

/** The delegation that begins with a message. */
export function newDelegation(settings: CallerSettings, agentUrl: string, outgoing: OutgoingMessage): InsertArguments {
  const { message } = outgoing.request;
  return {
    delegationId: uuidv7(),
    callerId: settings.callerId,
    calleeId: calleeOf(agentUrl),
    taskPreview: previewOf(message),
    idempotencyKey: idempotencyKeyOf(message?.messageId),
    ...chosen(settings, outgoing),
  };
}

function chosen(settings: CallerSettings, outgoing: OutgoingMessage): DelegationChoice {
  try {
    const choice = settings.delegation(outgoing);
    return Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined));
  } catch {
    return {};
  }
}

/** The text of its parts; what else it has is named, not shown. */
function previewOf(message: Message | undefined): string {
  const lines: string[] = [];
  let characters = 0;
  for (const { content, filename } of message?.parts ?? []) {
    const line = content?.$case === 'text' ? content.value : `(${filename || content?.$case || 'empty part'})`;
    lines.push(line.slice(0, PREVIEW_CHARACTERS_MAX));
    characters += line.length;
    if (characters >= PREVIEW_CHARACTERS_MAX) break;
  }
  return lines.join('\n');
}
