import type { Artifact, Part } from '@a2a-js/sdk';
import { partPrint, partsPrint } from './fingerprint.ts';
import { jsonSize, keptParts, sizeOf } from './kept-parts.ts';

/** The last parts, by which one that comes again is known. */
const TAIL_PARTS_MAX = 32;

/** An artifact as it was seen so far: what it says, and as much of it as there was room for. */
export class SeenArtifact {
  /** With the parts that there was room for. */
  readonly kept: Artifact;
  #size = 0;
  #print: string;
  #tail: string[];

  constructor(artifact: Artifact, room: number) {
    const parts = artifact.parts ?? [];
    this.#print = partsPrint('', parts);
    this.#tail = tailOf(parts);
    this.kept = { ...artifact, parts: [] };
    this.#size = jsonSize(this.kept);
    if (this.#size > room) {
      const { artifactId } = artifact;
      this.kept = { artifactId, name: '', description: '', parts: [], metadata: undefined, extensions: [] };
      this.#size = 0;
    }
    this.#keep(parts, room - this.#size);
  }

  /** Characters or bytes that it keeps. */
  get size(): number {
    return this.#size;
  }

  append(parts: readonly Part[], room: number): void {
    this.#print = partsPrint(this.#print, parts);
    this.#tail = [...this.#tail, ...tailOf(parts)].slice(-TAIL_PARTS_MAX);
    this.#keep(parts, room);
  }

  dropContent(): void {
    this.kept.parts = [];
    this.#size = 0;
  }

  says(artifact: Artifact): boolean {
    return this.#print === partsPrint('', artifact.parts ?? []);
  }

  endsWith(parts: readonly Part[]): boolean {
    const prints = parts.map(partPrint);
    return prints.length <= this.#tail.length && prints.every((print, n) => print === this.#tail.at(n - prints.length));
  }

  #keep(parts: readonly Part[], room: number): void {
    for (const part of keptParts(parts, room)) {
      this.kept.parts.push(part);
      this.#size += sizeOf(part);
    }
  }
}

function tailOf(parts: readonly Part[]): string[] {
  return parts.slice(-TAIL_PARTS_MAX).map(partPrint);
}
