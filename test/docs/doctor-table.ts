import { checks } from '../../src/doctor/checks.ts';

/** The checks of `doctor` as Markdown, for docs/doctor.md. */
export function doctorTable(): string {
  return checks
    .map(({ name, about, faults }) => {
      const rows = Object.values(faults).map(
        ({ severity, when, remedy }) => `| ${cell(when)} | ${severity} | ${cell(remedy)} |`,
      );
      return [`### ${name}`, '', about, '', '| found | severity | what to do |', '|---|---|---|', ...rows].join('\n');
    })
    .join('\n\n');
}

/** `{name}` is filled in when it is found; outside of a command the brackets of HTML would vanish. */
function cell(text: string): string {
  return text
    .split('`')
    .map((part, i) => part.replace(/\{(\w+)\}/g, i % 2 === 1 ? '<$1>' : '*$1*'))
    .join('`')
    .replaceAll('|', '\\|');
}
