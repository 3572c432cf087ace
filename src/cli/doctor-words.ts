import { styleText } from 'node:util';
import type { CheckResult, Examination, Finding } from '../doctor/finding.ts';
import { visible } from '../log/visible.ts';

export interface DoctorAnswer extends Examination {
  /** The database in words. */
  readonly database: string;
}

const NAME_WIDTH = 20;

/** The findings, problems first; then what could not be checked, and what else was seen. On a terminal with colours. */
export function doctorWords(answer: DoctorAnswer, { terminal }: { readonly terminal: boolean }): string {
  const { findings, checks, database } = answer;
  const notChecked = checks.filter(({ reason }) => reason !== null);
  const noted = checks.filter(({ notes }) => notes.length > 0);
  const sections = [
    ...findings.map((finding) => findingWords(finding, terminal)),
    section('Could not be checked', notChecked, ({ reason }) => [reason ?? '']),
    section('Seen, and nothing is wrong with it', noted, ({ notes }) => notes),
    `${counted(answer)}\nDatabase: ${visible(database)}.`,
  ];
  return sections.filter((text) => text !== '').join('\n\n');
}

function findingWords({ check, severity, what, how, remedy }: Finding, terminal: boolean): string {
  const colour = severity === 'problem' ? 'red' : 'yellow';
  const label = terminal ? styleText(colour, severity, { stream: process.stdout }) : severity;
  return [
    `${label}: ${visible(what)} (${check})`,
    `  how it is known: ${visible(how)}`,
    `  what to do:      ${visible(remedy)}`,
  ].join('\n');
}

function section(title: string, checks: readonly CheckResult[], lines: (check: CheckResult) => readonly string[]) {
  if (checks.length === 0) return '';
  const rows = checks.flatMap((check) =>
    lines(check).map((line, i) => `  ${(i === 0 ? check.check : '').padEnd(NAME_WIDTH)}${visible(line)}`),
  );
  return [`${title}:`, ...rows].join('\n');
}

function counted({ findings, checks }: Examination): string {
  const of = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity).length;
  const [problems, advice] = [of('problem'), of('advice')];
  const total = (outcome: CheckResult['outcome']) => checks.filter((check) => check.outcome === outcome).length;
  const found =
    findings.length === 0
      ? 'Nothing is wrong'
      : `${problems} ${problems === 1 ? 'problem' : 'problems'} and ${advice} ${advice === 1 ? 'piece' : 'pieces'} of advice`;
  return `${found}: of ${checks.length} checks ${total('passed')} found nothing, ${total('found')} found something, and ${total('not_run')} could not run.`;
}
