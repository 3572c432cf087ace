import { readFileSync, writeSync } from 'node:fs';
import type { Status } from '../../src/ledger/transitions.ts';

/** One call to the ledger and its answer, by the agent's clock, which is the server's, on the same machine. */
interface Asked {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** What an agent recorded about its own life, as it happened. */
export type DiaryEntry =
  | (Asked & {
      readonly did: 'insert';
      readonly outcome: string;
      readonly deadlineMs: number | null;
      /** Its own threshold; null: the daemons'. */
      readonly stuckAfterMs: number | null;
    })
  /** Counted from the database's clock when it got there. */
  | (Asked & { readonly did: 'wait'; readonly outcome: string; readonly untilMs: number })
  | (Asked & { readonly did: 'resume'; readonly outcome: string })
  /** Its own threshold; null: none any more, the daemons' applies. */
  | (Asked & { readonly did: 'adjust'; readonly outcome: string; readonly stuckAfterMs: number | null })
  | (Asked & { readonly did: 'heartbeat'; readonly outcome: string })
  /** A result that an A2A agent gave to its caller. The ledger knows the delegation by the message's id as well. */
  | (Asked & { readonly did: 'saw'; readonly outcome: 'completed'; readonly key: string; readonly text: string })
  | (Asked & {
      readonly did: 'setStatus';
      readonly to: Status;
      /** `error` when the database gave no answer: the agent calls again. */
      readonly outcome: string;
      readonly text: string | null;
    });

/** Written through at once, so that a kill loses nothing that was answered. */
export function writeDiary(fd: number, entry: DiaryEntry): void {
  writeSync(fd, `${JSON.stringify(entry)}\n`);
}

export function readDiary(file: string): DiaryEntry[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as DiaryEntry];
      } catch {
        // The empty end, or a line that a kill cut off, on which the agent cannot have acted.
        return [];
      }
    });
}
