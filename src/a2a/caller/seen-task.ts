import { type Artifact, type StreamResponse, type Task, type TaskArtifactUpdateEvent, TaskState } from '@a2a-js/sdk';
import { interruptedStates, terminalStates } from '../task-state.ts';
import { statusPrint } from './fingerprint.ts';
import { jsonSize, keptParts } from './kept-parts.ts';
import { SeenArtifact } from './seen-artifact.ts';

/** Artifacts that are told apart. */
const ARTIFACTS_MAX = 1_000;

/**
 * A task as it was seen: by its events, and by its snapshots. Tells what is new from what was seen: the task's state, the
 * instant and the message of its status, and its artifacts. The agent's clock is compared with itself alone.
 */
export class SeenTask {
  readonly #contentMax: number;
  #id = '';
  #contextId = '';
  #status: Task['status'];
  #print = statusPrint(undefined);
  readonly #artifacts = new Map<string, SeenArtifact>();
  #room: number;

  /** `contentMax`: characters or bytes of its artifacts, and of its status's message, that are kept. */
  constructor(contentMax: number) {
    this.#contentMax = contentMax;
    this.#room = contentMax;
  }

  /** Empty until the agent has named the task. */
  get id(): string {
    return this.#id;
  }

  get contextId(): string {
    return this.#contextId;
  }

  /** This turn is over: a stream has nothing more to give. */
  get isAtEnd(): boolean {
    const state = this.#status?.state;
    return state !== undefined && (terminalStates.has(state) || state === TaskState.TASK_STATE_INPUT_REQUIRED);
  }

  /** It has ended, or waits for a person: some agents end their streams while a person authorises, others do not. */
  get isAtRest(): boolean {
    const state = this.#status?.state;
    return state !== undefined && (terminalStates.has(state) || interruptedStates.has(state));
  }

  /** With what was kept of it. */
  get task(): Task {
    const artifacts = [...this.#artifacts.values()].map(({ kept }) => kept);
    return {
      id: this.#id,
      contextId: this.#contextId,
      status: this.#status,
      artifacts,
      history: [],
      metadata: undefined,
    };
  }

  /** Whether nothing in it is new. */
  repeats({ payload }: StreamResponse): boolean {
    switch (payload?.$case) {
      case 'task':
        return (
          statusPrint(payload.value.status) === this.#print &&
          (payload.value.artifacts ?? []).every((artifact) => this.#artifacts.get(artifact.artifactId)?.says(artifact))
        );
      case 'statusUpdate':
        return statusPrint(payload.value.status) === this.#print;
      case 'artifactUpdate':
        return this.#repeatsArtifact(payload.value);
      default:
        return false;
    }
  }

  /**
   * Whether its status is of an earlier instant than the one that was seen last, by the agent's own clock. Nothing comes
   * after an end, whatever the clocks of the agent's servers say.
   */
  isNewerThan({ payload }: StreamResponse): boolean {
    if (payload?.$case !== 'task' && payload?.$case !== 'statusUpdate') return false;
    const { state } = payload.value.status ?? {};
    if (state !== undefined && terminalStates.has(state)) return false;
    return Date.parse(payload.value.status?.timestamp ?? '') < Date.parse(this.#status?.timestamp ?? '');
  }

  take({ payload }: StreamResponse): void {
    switch (payload?.$case) {
      case 'task':
        this.#name(payload.value.id, payload.value.contextId);
        this.#takeStatus(payload.value.status);
        for (const artifact of payload.value.artifacts ?? []) this.#keep(artifact);
        break;
      case 'statusUpdate':
        this.#name(payload.value.taskId, payload.value.contextId);
        this.#takeStatus(payload.value.status);
        break;
      case 'artifactUpdate':
        this.#name(payload.value.taskId, payload.value.contextId);
        this.#takeArtifact(payload.value);
        break;
    }
  }

  /** What it was like is still known, and no longer what was in it. */
  dropContent(): void {
    for (const seen of this.#artifacts.values()) seen.dropContent();
    if (this.#status?.message) this.#status = { ...this.#status, message: undefined };
  }

  #name(id: string | undefined, contextId: string | undefined): void {
    this.#id ||= id ?? '';
    this.#contextId ||= contextId ?? '';
  }

  #takeStatus(status: Task['status']): void {
    if (status === undefined) return;
    const { message } = status;
    this.#print = statusPrint(status);
    this.#status = {
      ...status,
      message: message && {
        ...message,
        metadata: jsonSize(message.metadata) > this.#contentMax ? undefined : message.metadata,
        parts: keptParts(message.parts ?? [], this.#contentMax),
      },
    };
  }

  #takeArtifact({ artifact, append }: TaskArtifactUpdateEvent): void {
    if (artifact === undefined) return;
    const seen = append ? this.#artifacts.get(artifact.artifactId) : undefined;
    if (seen === undefined) {
      this.#keep(artifact);
      return;
    }
    const before = seen.size;
    seen.append(artifact.parts ?? [], this.#room);
    this.#room -= seen.size - before;
  }

  #keep(artifact: Artifact): void {
    this.#room += this.#artifacts.get(artifact.artifactId)?.size ?? 0;
    this.#artifacts.delete(artifact.artifactId);
    if (this.#artifacts.size >= ARTIFACTS_MAX) return;
    const seen = new SeenArtifact(artifact, this.#room);
    this.#artifacts.set(artifact.artifactId, seen);
    this.#room -= seen.size;
  }

  #repeatsArtifact({ artifact, append }: TaskArtifactUpdateEvent): boolean {
    if (artifact === undefined) return true;
    const seen = this.#artifacts.get(artifact.artifactId);
    return seen !== undefined && (append ? seen.endsWith(artifact.parts ?? []) : seen.says(artifact));
  }
}
