import { readFile, writeFile } from 'node:fs/promises';
import type { ChaosReport } from './report.ts';
import { reportSummary, reportTable } from './report-text.ts';

const FILE = new URL('../../docs/reliability.md', import.meta.url);
const BEGIN = '<!-- chaos:begin -->';
const END = '<!-- chaos:end -->';

const NEW_PAGE = `# Reliability

## The last chaos report

\`npm run test:chaos\` runs a fleet of agents in their own processes, three daemons and a durable server, and injects faults at
random; then it compares the ledger with what each agent recorded about its own life (\`test/chaos/audit.ts\`). Each line
counts the delegations that were alive during that fault.

- Survived: the state that the fault's check waits for was reached, and a whole sweep succeeded after it.
- Lost: an insert, a status or a result that was confirmed to an agent is neither in the row nor recorded as a late result.
- Marked falsely: the ledger had accepted a heartbeat after the one on which a mark judged, or less than the threshold had
  passed since that one, not counting the time in which the suite itself kept every daemon from the database.
- Twice: more than one terminal activity.

${BEGIN}
${END}
`;

/** Writes the report between the page's markers; creates the page if there is none. */
export async function writeDocs(report: ChaosReport): Promise<void> {
  const page = await readFile(FILE, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return NEW_PAGE;
    throw err;
  });
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/reliability.md has no ${BEGIN} ... ${END}`);
  const block = `${BEGIN}\n${reportTable(report)}\n\n${reportSummary(report)}\n`;
  await writeFile(FILE, page.slice(0, begin) + block + page.slice(end));
}
