import { readFile, writeFile } from 'node:fs/promises';
import { type ChaosReport, reportSummary, reportTable } from './report.ts';

const FILE = new URL('../../docs/reliability.md', import.meta.url);
const BEGIN = '<!-- chaos:begin -->';
const END = '<!-- chaos:end -->';

const NEW_PAGE = `# Reliability

## The last chaos report

\`npm run test:chaos\`: a fleet of agents in processes of their own, three daemons and a durable server, under faults
injected at random; then the ledger is audited against what each agent wrote down about its own life
(\`test/chaos/audit.ts\`). Each line counts the delegations whose life touched that fault.

- Survived: what the fault waits for came true, and a whole sweep went through after it.
- Lost: an insert, a step or a result that an agent was told of is neither in the row nor kept as a late result.
- Marked falsely: the ledger had accepted a heartbeat after the one on which a mark judged, or less than the threshold had
  passed since that one, not counting the time in which the suite itself kept every daemon from the database.
- Twice: more than one terminal activity.

${BEGIN}
${END}
`;

/** Puts the report between the page's markers; without the page, begins one. */
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
