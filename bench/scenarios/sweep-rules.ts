import type { Bench } from '../bench.ts';
import { spreadOverRules } from '../data.ts';
import type { Findings } from '../figure.ts';
import { runLimitOfThreeRules } from '../peers/limit.ts';
import { LogFile } from '../sink.ts';
import { besideLimit, silentFleet, sweepFigures } from '../sweep-beside-limit.ts';
import { takeTurns } from '../turns.ts';

const ROUNDS = 5;

/** Rows swept a second where a third each is overdue, silent, and without progress. */
export async function sweepRulesScenario(bench: Bench): Promise<Findings> {
  const rows = bench.quick ? 20_000 : 100_000;
  using sink = new LogFile();
  await using database = await silentFleet(bench, rows);
  await spreadOverRules(database);
  const contestants = besideLimit(database, rows, sink.log, runLimitOfThreeRules);
  return { figures: sweepFigures(await takeTurns(bench.load, ROUNDS, contestants), rows, ', three rules') };
}
